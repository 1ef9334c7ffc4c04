"""How many ways there are between switches: shortest ones, and ones that share no cable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .switch_graph import SwitchGraph, adjacency

_MOST_PAIRS = 64


@dataclass(frozen=True)
class PathDiversity:
    """Over pairs of different switches that carry users. `shortest_*`: shortest ways, parallel cables told apart;
    `disjoint_*`: the most ways without a common cable (Menger 1927). `method`: which pairs were looked at."""

    shortest_min: float
    shortest_mean: float
    disjoint_min: int
    disjoint_mean: float
    method: str


def path_diversity(graph: SwitchGraph, seed: int = 0) -> PathDiversity | None:
    """Of all pairs where there are few, else of pairs drawn at random. None where no two switches carry users."""
    every = np.flatnonzero(graph.ports)
    if len(every) < 2:
        return None
    source, target = _pairs(every, seed)
    shortest = _shortest(graph, source, target)
    disjoint = _disjoint(graph, source, target)
    drawn = len(every) * (len(every) - 1) > 2 * len(source)
    return PathDiversity(
        shortest_min=float(shortest.min()),
        shortest_mean=float(shortest.mean()),
        disjoint_min=int(disjoint.min()),
        disjoint_mean=float(disjoint.mean()),
        method=f"{len(source)} pairs of switches drawn at random" if drawn else "all pairs",
    )


def _pairs(every: npt.NDArray[np.int64], seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Unordered pairs: all, or drawn with a switch and a step to another."""
    if len(every) * (len(every) - 1) // 2 <= _MOST_PAIRS:
        first, second = np.triu_indices(len(every), 1)
        return every[first], every[second]
    rng = np.random.default_rng(seed)
    first = rng.integers(len(every), size=_MOST_PAIRS)
    step = rng.integers(1, len(every), size=_MOST_PAIRS)
    return every[first], every[(first + step) % len(every)]


def _shortest(
    graph: SwitchGraph, source: npt.NDArray[np.int64], target: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    from ._search_kernels import count_ways

    hops, queue = np.empty((2, graph.size), dtype=np.int32)
    ways = np.empty(graph.size)
    found = np.empty(len(source))
    for place, (start, end) in enumerate(zip(source.tolist(), target.tolist(), strict=True)):
        count_ways(graph.indptr, graph.neighbour, graph.cables, start, hops, queue, ways)
        found[place] = ways[end]
    return found


def _disjoint(
    graph: SwitchGraph, source: npt.NDArray[np.int64], target: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    from scipy.sparse.csgraph import maximum_flow

    cables = adjacency(graph, graph.cables.astype(np.int32))
    pairs = zip(source.tolist(), target.tolist(), strict=True)
    return np.array([maximum_flow(cables, start, end).flow_value for start, end in pairs])
