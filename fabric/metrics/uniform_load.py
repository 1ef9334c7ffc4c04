"""What uniform traffic puts on the links between switches: every rank sends evenly to all others, as routed.

Ranks on the same switches are alike to the routing, so one of each set stands for all. Pairs of sets are gone through
in shifts - each set to the s-th after it - so that however few shifts there is time for, every set sends and receives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Fabric, LinkKind, NodeKind
from ..routing import Router
from ..routing.ports import network_ports
from .switch_graph import forwarding, owners

_MOST_ENTRIES = 20_000_000
"""Links on spread paths that are added up; some ten seconds."""
_CHUNK = 2048

Numbers = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """Of a group of links: their mean and highest load over capacity while every rank sends at its line rate."""

    where: str
    links: int
    mean: float
    highest: float


@dataclass(frozen=True)
class UniformLoad:
    """`throughput`: the share of their line rate that all ranks can send at before the busiest link is full."""

    throughput: float
    tiers: tuple[Load, ...]
    rails: tuple[Load, ...]
    method: str


@dataclass(frozen=True, eq=False)
class _Sets:
    """Ranks on the same switches, per set: `size`; `sent_bps`, what one rank sends in all; `first` and `last`, members
    in its servers of lowest and highest number, `first_in` and `last_in`; `in_server` (sparse), its ranks in each."""

    size: Numbers
    sent_bps: Rates
    first: Numbers
    last: Numbers
    first_in: Numbers
    last_in: Numbers
    in_server: Any

    def pairs(self, source: Numbers, target: Numbers) -> Rates:
        """Ordered pairs of a rank of `source` and one of `target` in another server."""
        together = self.in_server[source].multiply(self.in_server[target]).sum(axis=1)
        return self.size[source] * self.size[target] - np.asarray(together).ravel()

    def members(self, source: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
        """A rank of each, in different servers if any are."""
        apart = self.first_in[source] != self.last_in[target]
        return (
            np.where(apart, self.first[source], self.last[source]),
            np.where(apart, self.last[target], self.first[target]),
        )


def uniform_load(fabric: Fabric, router: Router, seed: int = 0) -> UniformLoad | None:
    """None where no links join switches."""
    forwards = forwarding(fabric)
    trunk = (fabric.link_kind == LinkKind.NETWORK) & forwards[fabric.link_source] & forwards[fabric.link_target]
    if not trunk.any() or fabric.ranks < 2:
        return None
    sets = _sets(fabric)
    load_bps, shifts = _loads(fabric, router, sets, seed)
    load = np.where(trunk, load_bps / fabric.capacity_bps, 0.0)
    every = len(sets.size) - 1
    return UniformLoad(
        throughput=float(min(1.0, 1.0 / load.max())) if load.max() > 0 else 1.0,
        tiers=_by_tier(fabric, trunk, load),
        rails=_by_rail(fabric, trunk, load),
        method="all pairs of switches" if shifts == every else f"{shifts} of {every} shifts of the switches",
    )


def _sets(fabric: Fabric) -> _Sets:
    from scipy.sparse import coo_array

    ports = network_ports(fabric)
    count = np.diff(ports.indptr)
    rank = np.repeat(np.arange(fabric.ranks), count)
    switches = np.full((fabric.ranks, max(1, int(count.max(initial=0)))), -1, dtype=np.int32)
    switches[rank, np.arange(len(rank)) - ports.indptr[rank]] = ports.switch
    line_bps = np.where(ports.link >= 0, fabric.capacity_bps[ports.link], 0.0)
    sent_bps = np.bincount(rank, weights=line_bps, minlength=fabric.ranks)
    server = np.unique(owners(fabric)[fabric.endpoints], return_inverse=True)[1].ravel()
    able = np.flatnonzero(count)
    able = able[np.argsort(server[able], kind="stable")]
    _, number, size = np.unique(switches[able], axis=0, return_inverse=True, return_counts=True)
    by_set = able[np.argsort(number.ravel(), kind="stable")]
    last = by_set[np.cumsum(size) - 1]
    first = by_set[np.cumsum(size) - size]
    in_server = coo_array((np.ones(len(able)), (number.ravel(), server[able])))
    return _Sets(size, sent_bps[first], first, last, server[first], server[last], in_server.tocsr())


def _loads(fabric: Fabric, router: Router, sets: _Sets, seed: int) -> tuple[Rates, int]:
    """Load of every link in bit/s, scaled up from the shifts done to all, and how many those are."""
    here = np.arange(len(sets.size))
    load_bps, done_pairs = np.zeros(fabric.links), 0.0
    entries = shifts = 0
    for step in np.random.default_rng(seed).permutation(np.arange(1, len(here))).tolist():
        there = (here + step) % len(here)
        pairs = sets.pairs(here, there)
        for start in range(0, len(here), _CHUNK):
            used = start + np.flatnonzero(pairs[start : start + _CHUNK])
            spread = router.spread(*sets.members(here[used], there[used]))
            flow_bps = pairs[used] * sets.sent_bps[used] / max(1, fabric.ranks - 1)
            each_bps = np.repeat(flow_bps, np.diff(spread.indptr)) * spread.shares
            load_bps += np.bincount(spread.links, weights=each_bps, minlength=fabric.links)
            entries += len(spread.links)
        done_pairs += float(pairs.sum())
        shifts += 1
        if entries > _MOST_ENTRIES:
            break
    return load_bps * (_all_pairs(sets) / done_pairs if done_pairs else 0.0), shifts


def _all_pairs(sets: _Sets) -> float:
    """Ordered pairs of ranks of different sets and different servers."""
    in_server = np.asarray(sets.in_server.sum(axis=0)).ravel()
    together = float((in_server**2).sum())
    both = float(sets.in_server.multiply(sets.in_server).sum())
    return float(sets.size.sum()) ** 2 - float((sets.size**2).sum()) - together + both


def _by_tier(fabric: Fabric, trunk: npt.NDArray[np.bool_], load: Rates) -> tuple[Load, ...]:
    ends = fabric.node_kind[fabric.link_source].astype(np.int64) * 256 + fabric.node_kind[fabric.link_target]
    names = {
        int(pair): " -> ".join(NodeKind(kind).name.lower() for kind in divmod(int(pair), 256))
        for pair in np.unique(ends[trunk])
    }
    return tuple(_load(name, load[trunk & (ends == pair)]) for pair, name in names.items())


def _by_rail(fabric: Fabric, trunk: npt.NDArray[np.bool_], load: Rates) -> tuple[Load, ...]:
    rails = np.unique(fabric.rail[trunk & (fabric.rail >= 0)]).tolist()
    return tuple(_load(f"rail {rail}", load[trunk & (fabric.rail == rail)]) for rail in rails)


def _load(where: str, load: Rates) -> Load:
    return Load(where, len(load), float(load.mean()), float(load.max()))
