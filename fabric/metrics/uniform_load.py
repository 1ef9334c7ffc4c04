"""What uniform traffic puts on the links between switches: every rank sends evenly to all others at its line rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import Fabric, LinkKind, NodeKind
from ..routing import Router
from .equal_cost_load import equal_cost_load
from .routed_load import routed_load
from .switch_graph import forwarding, switch_graph

Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """Of a group of links: their mean and highest load over capacity. `highest` is None where it was not measured."""

    where: str
    links: int
    mean: float
    highest: float | None


@dataclass(frozen=True)
class UniformLoad:
    """`throughput`: the share of their line rate that all ranks can send at before the busiest link is full; at most
    this where `method` says so."""

    throughput: float
    tiers: tuple[Load, ...]
    rails: tuple[Load, ...]
    method: str


def uniform_load(fabric: Fabric, router: Router, seed: int = 0) -> UniformLoad | None:
    """As the router spreads it where all pairs of switches can be gone through, else over all shortest ways: to one
    switch where all are alike, in the largest other fabrics to a seeded sample, which shows means alone. None where no
    links join switches."""
    forwards = forwarding(fabric)
    trunk = (fabric.link_kind == LinkKind.NETWORK) & forwards[fabric.link_source] & forwards[fabric.link_target]
    if not trunk.any() or fabric.ranks < 2:
        return None
    load_bps = routed_load(fabric, router)
    if load_bps is not None:
        return _summed_up(fabric, trunk, load_bps, "as routed, all pairs of switches", whole=True)
    found = equal_cost_load(fabric, switch_graph(fabric), seed)
    return _summed_up(fabric, trunk, found.link_bps, f"over all shortest ways, {found.method}", found.whole)


def _summed_up(fabric: Fabric, trunk: npt.NDArray[np.bool_], load_bps: Rates, method: str, whole: bool) -> UniformLoad:
    load = np.where(trunk, load_bps / fabric.capacity_bps, 0.0)
    ends = fabric.node_kind[fabric.link_source].astype(np.int64) * 256 + fabric.node_kind[fabric.link_target]
    tiers = [
        _load(
            " -> ".join(NodeKind(kind).name.lower() for kind in divmod(pair, 256)), load[trunk & (ends == pair)], whole
        )
        for pair in np.unique(ends[trunk]).tolist()
    ]
    rails = np.unique(fabric.rail[trunk & (fabric.rail >= 0)]).tolist()
    busiest = max(tier.mean if tier.highest is None else tier.highest for tier in tiers)
    return UniformLoad(
        throughput=min(1.0, 1.0 / busiest) if busiest else 1.0,
        tiers=tuple(tiers),
        rails=tuple(_load(f"rail {rail}", load[trunk & (fabric.rail == rail)], whole) for rail in rails),
        method=method,
    )


def _load(where: str, load: Rates, whole: bool) -> Load:
    return Load(where, len(load), float(load.mean()), float(load.max()) if whole else None)
