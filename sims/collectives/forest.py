"""Spanning-tree packing (ForestColl: Zhao et al., arXiv 2402.06787, 2024): the all-gather of the highest throughput
that the wiring allows, the reduce-scatter that is its mirror image, and an all-reduce of both.

Every rank's block goes down k trees, all in flight, over links that the trees choose themselves. Trees of bandwidth y
each give

    T = depth alpha + S / (n k y),    1 / (n k y) -> max over cuts of (ranks inside / n) / capacity out of the cut

the lower bound, met exactly where k trees per rank divide the bottleneck cut evenly; twice that for all-reduce.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...fabric.routing import Paths
from ..network import Network
from .communicator import Communicator
from .demand import Call
from .packing import Batch, Edge, Way, direct_ways, feeds_all, pack
from .schedule import Indices, Moves, Phase, Schedule
from .wiring_units import Wiring, nodes_between, wiring

OPS = ("all-gather", "reduce-scatter", "all-reduce")

MOST_RANKS, MOST_NODES = 16, 128
"""The packing takes minutes beyond."""

TREES_PER_RANK = (1, 2, 3, 4, 6, 8)
"""Numbers of trees that are tried; of equally fast packings that with the fewest."""

_CLOSE = 1e-9


def unfit(network: Network, comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    if comm.size > MOST_RANKS:
        return f"{comm.size} ranks, trees are packed for up to {MOST_RANKS}"
    nodes = len(nodes_between(network, comm))
    if nodes > MOST_NODES:
        return f"{nodes} nodes lie between the ranks, trees are packed over up to {MOST_NODES}"
    return wiring(network, comm, network.payload_bps).unfit()


@dataclass(frozen=True)
class _Edges:
    """The edges of all unit trees: tree's root and number, tail, head, distance of the head from the root, links."""

    root: Indices
    tree: Indices
    tail: Indices
    head: Indices
    depth: Indices
    links: tuple[tuple[int, ...], ...]


def forest(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    wires = wiring(network, comm, network.payload_bps)
    k, y_bps = _fastest(wires, comm.size)
    ways = direct_ways(wires.units(y_bps), comm.size, k)
    between = np.zeros((comm.size, comm.size), dtype=np.int64)
    for edge, routes in ways.items():
        if max(edge) < comm.size:
            between[edge] = routes.total()
    edges = _laid(wires.unit_links(y_bps), pack(between, k), ways)
    gather, scatter = _phase(comm, edges, k, call.op, False), _phase(comm, edges, k, call.op, True)
    return ({"all-gather": (gather,), "reduce-scatter": (scatter,), "all-reduce": (scatter, gather)}[call.op],)


def _fastest(wires: Wiring, ranks: int) -> tuple[int, float]:
    """(k, bandwidth y of a tree) of the packing with the highest k y."""
    best_k, best_bps = 0, 0.0
    for k in TREES_PER_RANK:
        y_bps = _widest_bps(wires, ranks, k)
        if k * y_bps > best_k * best_bps * (1 + _CLOSE):
            best_k, best_bps = k, y_bps
    return best_k, best_bps


def _widest_bps(wires: Wiring, ranks: int, k: int) -> float:
    """The highest bandwidth per tree at which k trees per rank fit: some link's capacity divided evenly."""
    distinct = np.unique([wires.alone_bps[link] for cables in wires.cables.values() for link in cables])
    candidates = np.unique(np.concatenate([distinct / part for part in range(1, k * ranks + 1)]))
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if feeds_all(wires.units(candidates[middle]), ranks, k) else (low, middle - 1)
    return float(candidates[low])


def _laid(unit_links: dict[Edge, list[int]], batches: list[Batch], ways: dict[Edge, Counter[Way]]) -> _Edges:
    """Unit trees; every edge takes a way, and every step of the way a link, that no other has."""
    free = {edge: sorted(routes.elements()) for edge, routes in ways.items()}
    rows: list[tuple[int, int, int, int, int]] = []
    links = []
    trees: Counter[int] = Counter()
    for batch in batches:
        for _ in range(batch.count):
            depth = {batch.root: 0}
            for tail, head in batch.edges:
                depth[head] = depth[tail] + 1
                rows.append((batch.root, trees[batch.root], tail, head, depth[head]))
                links.append(tuple(unit_links[step].pop() for step in pairwise(free[tail, head].pop())))
            trees[batch.root] += 1
    root, tree, tail, head, far = np.array(rows).T
    return _Edges(root, tree, tail, head, far, tuple(links))


def _phase(comm: Communicator, edges: _Edges, k: int, op: str, inward: bool) -> Phase:
    """All trees at once, from their roots on or towards them."""
    share, deepest = 1 / (comm.size * k), int(edges.depth.max())
    tail, head = (edges.head, edges.tail) if inward else (edges.tail, edges.head)
    whole = op == "all-reduce"
    block = np.zeros_like(edges.root) if whole else edges.root
    moves = Moves.of(
        np.arange(len(block)),
        block,
        share,
        edges.root * k + edges.tree if whole else edges.tree,
        adds=inward,
        stage=deepest - edges.depth if inward else edges.depth - 1,
    )
    routes = [tuple(link ^ 1 for link in reversed(links)) if inward else links for links in edges.links]
    indptr = np.concatenate(([0], np.cumsum([len(links) for links in routes])))
    return Phase(
        comm.ranks[tail],
        comm.ranks[head],
        np.full(len(block), share),
        repeats=1,
        steps=deepest,
        routes=Paths(indptr, np.concatenate(routes).astype(np.int32)),
        moves=lambda _: moves,
    )
