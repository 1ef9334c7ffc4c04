"""The tiers of a fabric: what its switches offer downwards and upwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind

_LEVEL = {NodeKind.LEAF: 1, NodeKind.SWITCH: 1, NodeKind.AGG: 2, NodeKind.SPINE: 2, NodeKind.CORE: 3}


@dataclass(frozen=True)
class Tier:
    """The switches of one level. Rates are of all of them together, per direction; `across` is within the level."""

    tier: int
    kind: str
    switches: int
    down_bps: float
    across_bps: float
    up_bps: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def tiers(fabric: Fabric) -> tuple[Tier, ...]:
    """From the leaves up."""
    level, kind = levels(fabric), fabric.node_kind
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    here, there = level[fabric.link_source[network]], level[fabric.link_target[network]]
    switch = np.isin(kind, SWITCH_KINDS)

    def rate(chosen: npt.NDArray[np.bool_]) -> float:
        return float(fabric.capacity_bps[network[chosen]].sum())

    found = []
    for tier in np.unique(level[switch]).tolist():
        mine = switch & (level == tier)
        leaving = here == tier
        found.append(
            Tier(
                tier=tier,
                kind=" ".join(NodeKind(k).name.lower() for k in np.unique(kind[mine])),
                switches=int(mine.sum()),
                down_bps=rate(leaving & (there < tier) & (there >= 0)),
                across_bps=rate(leaving & (there == tier)),
                up_bps=rate(leaving & (there > tier)),
            )
        )
    return tuple(found)


def levels(fabric: Fabric) -> npt.NDArray[np.int64]:
    """The tier of each node: hosts and adapters 0, leaves 1, and so on; -1 for what is no part of the network."""
    kind, stored = fabric.node_kind, fabric.column("level").astype(np.int64)
    level = np.zeros(fabric.nodes, dtype=np.int64)
    for switch_kind, number in _LEVEL.items():
        level[kind == switch_kind] = number
    level = np.where(stored >= 0, stored, level)
    level[np.isin(kind, (NodeKind.NVSWITCH, NodeKind.AGGREGATION))] = -1
    return level
