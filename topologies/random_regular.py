"""Random regular graphs by the pairing model with repair (Bollobas 1980; switchings after McKay and Wormald 1990)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pairs = npt.NDArray[np.int64]

_EXACT_DEGREE = 4
"""Up to here whole draws are repeated until one is simple, a share of exp((1 - degree^2) / 4): exactly uniform."""
_TRIES_PER_EDGE = 100


def random_regular(nodes: int, degree: int, seed: int) -> Pairs:
    """Edges [edge, 2], sorted, of a connected simple graph in which every node has `degree` >= 3 neighbours.

    nodes * degree is even and degree < nodes. The same seed gives the same graph.
    """
    rng = np.random.default_rng(seed)
    while True:
        sparse = 2 * degree < nodes
        edges = _simple(nodes, degree, rng) if sparse else _complement(nodes, _simple(nodes, nodes - 1 - degree, rng))
        if _connected(nodes, edges):
            return edges[np.lexsort((edges[:, 1], edges[:, 0]))]


def _simple(nodes: int, degree: int, rng: np.random.Generator) -> Pairs:
    """Edges of a random simple regular graph, perhaps in pieces."""
    while True:
        edges = rng.permutation(np.repeat(np.arange(nodes), degree)).reshape(-1, 2)
        edges.sort(axis=1)
        bad = _loops_and_repeats(edges, nodes)
        if not bad.any() or (degree > _EXACT_DEGREE and _repaired(edges, bad, rng)):
            return edges


def _loops_and_repeats(edges: Pairs, nodes: int) -> npt.NDArray[np.bool_]:
    bad = np.ones(len(edges), dtype=bool)
    bad[np.unique(edges[:, 0] * nodes + edges[:, 1], return_index=True)[1]] = False
    return bad | (edges[:, 0] == edges[:, 1])


def _repaired(edges: Pairs, bad: npt.NDArray[np.bool_], rng: np.random.Generator) -> bool:
    """Exchange ends of the bad edges with those of random edges, in place; False when that gets nowhere."""
    present = {tuple(edge) for edge in edges[~bad].tolist()}
    wrong, tries = np.flatnonzero(bad).tolist(), _TRIES_PER_EDGE * len(edges)
    while wrong and tries:
        tries -= 1
        this, that = wrong[-1], int(rng.integers(len(edges)))
        (u, v), (x, y) = edges[this].tolist(), edges[that].tolist()
        if rng.integers(2):
            x, y = y, x
        first, second = (min(u, x), max(u, x)), (min(v, y), max(v, y))
        if that in wrong or u == x or v == y or first == second or {first, second} & present:
            continue
        present.discard((min(x, y), max(x, y)))
        present |= {first, second}
        edges[this], edges[that] = first, second
        wrong.pop()
    return not wrong


def _complement(nodes: int, edges: Pairs) -> Pairs:
    near, far = np.triu_indices(nodes, 1)
    absent = np.ones((nodes, nodes), dtype=bool)
    absent[edges[:, 0], edges[:, 1]] = False
    kept = absent[near, far]
    return np.column_stack((near[kept], far[kept]))


def _connected(nodes: int, edges: Pairs) -> bool:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(nodes, nodes))
    return connected_components(graph, directed=False, return_labels=False) == 1
