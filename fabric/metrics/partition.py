"""Two halves of a network with little between them, and the largest flow from one to the other.

Halving a graph well is NP-hard (Garey and Johnson 1979, ND17), so several halvings are tried: along the rank order,
along each coordinate, and along the second eigenvector of the Laplacian (Fiedler 1973; Pothen, Simon, Liou 1990). For
each the largest flow is the smallest cut that parts the users so (Ford and Fulkerson 1956), whatever side the switches
take.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from .switch_graph import SwitchGraph, adjacency

Half = npt.NDArray[np.bool_]
_ROUNDS = 300
_LARGEST = 2**30


def halvings(fabric: Fabric, graph: SwitchGraph) -> list[Half]:
    """Ways to halve the users, as a flag per port; a server is never torn apart."""
    owner = _whole(fabric, graph)
    coordinates = [fabric.column(f"coord{axis}")[graph.node][graph.port_switch] for axis in range(4)]
    places = [
        np.arange(len(owner), dtype=np.float64),
        fiedler(graph)[graph.port_switch],
        *(place.astype(np.float64) for place in coordinates if len(place) and place.max() > place.min()),
    ]
    return [_lower_half(owner, place) for place in places]


def _whole(fabric: Fabric, graph: SwitchGraph) -> npt.NDArray[np.int64]:
    """Dense number of what each port belongs to: a server where known, else its own node."""
    node = graph.port_owner.astype(np.int64)
    server = fabric.column("server")[node]
    return np.unique(np.where(server >= 0, server - fabric.nodes, node), return_inverse=True)[1]


def _lower_half(owner: npt.NDArray[np.int64], place: npt.NDArray[np.float64]) -> Half:
    """The ports of that half of the owners whose mean place is lowest."""
    mean = np.bincount(owner, weights=place) / np.bincount(owner)
    low = np.zeros(len(mean), dtype=bool)
    low[np.argsort(mean, kind="stable")[: len(mean) // 2]] = True
    return low[owner]


def fiedler(graph: SwitchGraph, seed: int = 0) -> npt.NDArray[np.float64]:
    """A place for each switch on a line that keeps joined switches close: the second eigenvector of the normalised
    Laplacian, by power iteration from a seeded start."""
    weights = adjacency(graph, graph.capacity_bps)
    root = np.sqrt(np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1.0))
    trivial = root / _norm(root)
    vector = np.random.default_rng(seed).standard_normal(graph.size)
    for _ in range(_ROUNDS):
        vector = vector - trivial * (trivial * vector).sum()
        vector = vector + (weights @ (vector / root)) / root
        vector /= max(_norm(vector), 1e-300)
    return vector / root


def _norm(vector: npt.NDArray[np.float64]) -> float:
    """Without BLAS, whose sums depend on its number of threads."""
    return float(np.sqrt((vector * vector).sum()))


def flow_bps(graph: SwitchGraph, low: Half) -> float:
    """Largest flow from the ports in `low` to the others; up to 1 part in 10^6 less where rates have no common unit."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_flow

    source, sink = graph.size, graph.size + 1
    sent = np.bincount(graph.port_switch[low], weights=graph.port_up_bps[low], minlength=graph.size)
    taken = np.bincount(graph.port_switch[~low], weights=graph.port_down_bps[~low], minlength=graph.size)
    sends, takes = np.flatnonzero(sent), np.flatnonzero(taken)
    capacity_bps = np.concatenate((graph.capacity_bps, sent[sends], taken[takes])).astype(np.float64)
    if not len(sends) or not len(takes):
        return 0.0
    tail = np.concatenate((graph.source, np.full(len(sends), source), takes))
    head = np.concatenate((graph.neighbour, sends, np.full(len(takes), sink)))
    unit = _unit(capacity_bps)
    whole = (capacity_bps / unit).astype(np.int32)
    matrix = coo_array((whole, (tail, head)), shape=(sink + 1, sink + 1)).tocsr()
    return float(maximum_flow(matrix, source, sink).flow_value) * unit


def _unit(capacity_bps: npt.NDArray[np.float64]) -> float:
    """The rate that all are whole numbers of, unless that makes numbers too large for 32 bits."""
    common = float(np.gcd.reduce(np.round(capacity_bps).astype(np.int64)))
    return max(common, float(capacity_bps.sum()) / _LARGEST)
