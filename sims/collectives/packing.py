"""Spanning trees packed into a network: throughput-optimal all-gather on any wiring.

ForestColl (Zhao et al., arXiv 2402.06787, 2024): k trees out of every rank, each of bandwidth y, fit if and only if,
when each rank is fed k units, each can receive all n k of them (Edmonds' theorem on branchings, in: Combinatorial
Algorithms, 1973). Switches, which are neither roots nor leaves, are split off edge by edge first (Bang-Jensen, Frank
and Jackson, SIAM J. Discrete Math. 8, 1995), which leaves the ranks as well connected as they were.

Nodes are numbers; the ranks come first. `units[u, v]` is the capacity from u to v.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import InternalError
from ._max_flow_kernels import least_flow, max_flow

Units = npt.NDArray[np.int64]
Edge = tuple[int, int]
Way = tuple[int, ...]
"""The nodes that a unit passes, ends included."""

PLENTY = 2**40


def feeds_all(units: Units, ranks: int, k: int) -> bool:
    """Whether every rank can receive k units of each rank."""
    fed = np.pad(units, (0, 1))
    fed[-1, :ranks] = k
    return bool(least_flow(fed, len(units), np.arange(ranks), k * ranks) >= k * ranks)


def direct_ways(units: Units, ranks: int, k: int) -> dict[Edge, Counter[Way]]:
    """Units between ranks only, with the way of each over the switches. Raises InternalError unless all that enters a
    node can leave it."""
    units = units.copy()
    ways: dict[Edge, Counter[Way]] = {}
    for before, after in np.argwhere(units).tolist():
        ways[before, after] = Counter({(before, after): int(units[before, after])})
    for switch in range(ranks, len(units)):
        for before in range(len(units)):
            for after in range(len(units)):
                joined = _splittable(units, (before, switch, after), ranks, k)
                if joined:
                    _split(units, ways, (before, switch, after), joined)
        if units[switch].any() or units[:, switch].any():
            raise InternalError("a switch could not be split off")
    return ways


def _splittable(units: Units, turn: Way, ranks: int, k: int) -> int:
    """The most units that may take this turn past the switch for good: what more keeps fed, less does too."""
    before, switch, after = turn
    low, high = 0, int(min(units[before, switch], units[switch, after]))
    if high and feeds_all(_turned(units, turn, high), ranks, k):
        return high
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if feeds_all(_turned(units, turn, middle), ranks, k) else (low, middle)
    return low


def _turned(units: Units, turn: Way, count: int) -> Units:
    before, switch, after = turn
    changed = units.copy()
    changed[before, switch] -= count
    changed[switch, after] -= count
    if before != after:
        changed[before, after] += count
    return changed


def _split(units: Units, ways: dict[Edge, Counter[Way]], turn: Way, count: int) -> None:
    before, switch, after = turn
    units[:] = _turned(units, turn, count)
    into, out = (_taken(ways[edge], count) for edge in ((before, switch), (switch, after)))
    if before != after:
        joined = ways.setdefault((before, after), Counter())
        joined.update(first + second[1:] for first, second in zip(into, out, strict=True))


def _taken(ways: Counter[Way], count: int) -> list[Way]:
    """Remove `count` units, in a fixed order."""
    taken = sorted(ways.elements())[:count]
    ways.subtract(taken)
    return taken


@dataclass
class Batch:
    """`count` equal trees from `root`, grown to `reached` (bool per rank) along `edges`."""

    root: int
    count: int
    reached: npt.NDArray[np.bool_]
    edges: list[Edge]


def pack(units: Units, k: int) -> list[Batch]:
    """k spanning trees from every rank, in batches of equal ones, within `units` between ranks.

    A batch takes an edge for as many of its trees as leaves every other batch enough: mu = min(units of the edge,
    trees of the batch, flow over the edge's ends beside the others' needs) (ForestColl, section 5.3).
    """
    n = len(units)
    units = units.copy()
    batches = [Batch(root, k, np.arange(n) == root, []) for root in range(n)]
    number = 0
    while number < len(batches):
        batch = batches[number]
        if batch.reached.all():
            number += 1
            continue
        edge, count = _next_edge(units, batches, number)
        if count < batch.count:
            batches.append(Batch(batch.root, batch.count - count, batch.reached.copy(), list(batch.edges)))
            batch.count = count
        units[edge] -= count
        batch.reached[edge[1]] = True
        batch.edges.append(edge)
    return batches


def _next_edge(units: Units, batches: list[Batch], number: int) -> tuple[Edge, int]:
    batch = batches[number]
    others = [other for other in batches[number + 1 :] if not other.reached.all()]
    for edge in np.argwhere(units * batch.reached[:, None] * ~batch.reached):
        tail, head = (int(end) for end in edge)
        spare = _flow_beside(units, others, tail, head) - sum(other.count for other in others)
        count = min(int(units[tail, head]), batch.count, spare)
        if count > 0:
            return (tail, head), count
    raise InternalError("a tree could not be grown")


def _flow_beside(units: Units, others: list[Batch], tail: int, head: int) -> int:
    """Maximum flow from `tail` to `head` where `tail` also feeds every other batch, and that all it has reached."""
    n = len(units)
    graph = np.pad(units, (0, len(others)))
    for number, other in enumerate(others):
        graph[tail, n + number] = other.count
        graph[n + number, :n] = other.reached * PLENTY
    return int(max_flow(graph, tail, head))
