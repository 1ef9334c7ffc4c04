"""Uniform traffic over all shortest ways, every switch splitting evenly over the cables that lead nearer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Fabric, LinkKind
from ..routing.ports import network_ports
from .grid_symmetry import orbits
from .switch_graph import SwitchGraph, owners

_MOST_VISITS = 2e9
"""Joined pairs of switches looked at, for one goal after the other: some twenty seconds."""
_SAMPLE = 256

Rates = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EqualCostLoad:
    """Load of every directed link in bit/s, and what it was found from; `whole` unless scaled up from a sample."""

    link_bps: Rates
    method: str
    whole: bool


def equal_cost_load(fabric: Fabric, graph: SwitchGraph, seed: int = 0) -> EqualCostLoad:
    """Traffic to all switches that carry ranks; to one where the network looks alike from each; to a sample, drawn at
    random and scaled up, where all would take minutes."""
    ports = _ports(fabric, graph)
    every = np.flatnonzero(sum(port.ranks for port in ports))
    orbit = orbits(fabric, graph) if all(port.alike for port in ports) else None
    if orbit is not None:
        single_bps = _load_bps(graph, ports, every[:1])
        load_bps = np.bincount(orbit, weights=single_bps).astype(np.float64)[orbit]
        method, whole = f"to one switch, which stands for all {len(every)} by symmetry", True
    elif len(every) * len(graph.neighbour) <= _MOST_VISITS:
        load_bps = _load_bps(graph, ports, every)
        method, whole = "to all switches", True
    else:
        goals = np.random.default_rng(seed).choice(every, min(_SAMPLE, len(every)), replace=False)
        load_bps = _load_bps(graph, ports, goals) * (len(every) / len(goals))
        method, whole = f"to {len(goals)} of {len(every)} switches, so at most this", False
    return EqualCostLoad(_on_links(fabric, graph, load_bps / (fabric.ranks - 1)), method, whole)


def _load_bps(graph: SwitchGraph, ports: list[_Ports], goals: npt.NDArray[np.int64]) -> Rates:
    """What all that is sent to these switches makes on each joined pair, times the number of a rank's others."""
    from ._search_kernels import push_to

    load_bps = np.zeros(len(graph.neighbour))
    hops, queue = np.empty((2, graph.size), dtype=np.int32)
    nearer = np.empty(graph.size, dtype=np.int64)
    for goal in goals.tolist():
        rate_bps = np.sum([port.sent_to(goal) for port in ports], axis=0)
        push_to(graph.indptr, graph.neighbour, graph.cables, goal, hops, queue, nearer, rate_bps, load_bps)
    return load_bps


@dataclass(frozen=True, eq=False)
class _Ports:
    """The i-th network ports of all ranks, which talk to each other: per switch the `ranks` that have theirs there and
    the bit/s they send, `sent_bps`; `ranks_in` and `sent_in` the same per server (sparse [switch, server])."""

    ranks: Rates
    sent_bps: Rates
    ranks_in: Any
    sent_in: Any

    @property
    def alike(self) -> bool:
        """Whether every switch has as many ranks that send as much, and no server stands on two."""
        same = len(np.unique(self.ranks)) == len(np.unique(self.sent_bps)) == 1
        return same and bool((np.bincount(self.ranks_in.indices, minlength=1) <= 1).all())

    def sent_to(self, goal: int) -> Rates:
        """What each switch sends to the ranks on `goal` that are in other servers, times the number of all others."""
        inside = (self.sent_in @ self.ranks_in[[goal]].T).toarray().ravel()
        return self.sent_bps * self.ranks[goal] - inside


def _ports(fabric: Fabric, graph: SwitchGraph) -> list[_Ports]:
    from scipy.sparse import csr_array

    found = network_ports(fabric)
    count = np.diff(found.indptr)
    rank = np.repeat(np.arange(fabric.ranks), count)
    number = np.full(fabric.nodes, -1, dtype=np.int64)
    number[graph.node] = np.arange(graph.size)
    server = np.unique(owners(fabric)[fabric.endpoints], return_inverse=True)[1].ravel()[rank]
    line_bps = np.where(found.link >= 0, fabric.capacity_bps[found.link], 0.0)
    even_bps = (np.bincount(rank, weights=line_bps, minlength=fabric.ranks) / np.maximum(1, count))[rank]
    index = np.arange(len(rank)) - found.indptr[rank]
    shape = (graph.size, int(server.max(initial=0)) + 1)
    ports = []
    for i in range(int(count.max(initial=0))):
        mine = index == i
        place = (number[found.switch[mine]], server[mine])
        ranks_in = csr_array((np.ones(int(mine.sum())), place), shape=shape)
        sent_in = csr_array((even_bps[mine], place), shape=shape)
        ports.append(_Ports(np.asarray(ranks_in.sum(axis=1)), np.asarray(sent_in.sum(axis=1)), ranks_in, sent_in))
    return ports


def _on_links(fabric: Fabric, graph: SwitchGraph, load_bps: Rates) -> Rates:
    """The load of pairs of switches, spread evenly over the cables of each."""
    number = np.full(fabric.nodes, -1, dtype=np.int64)
    number[graph.node] = np.arange(graph.size)
    low, high = number[fabric.link_source], number[fabric.link_target]
    trunk = (fabric.link_kind == LinkKind.NETWORK) & (low >= 0) & (high >= 0)
    pairs = graph.source.astype(np.int64) * graph.size + graph.neighbour
    place = np.searchsorted(pairs, (low * graph.size + high)[trunk])
    spread_bps = np.zeros(fabric.links)
    spread_bps[trunk] = (load_bps / graph.cables)[place]
    return spread_bps
