"""Bisection bandwidth: what can cross, one way, between two halves of the endpoints.

A tree's is half of its narrowest tier's. Of any other graph it is hard to find (Garey and Johnson, ND17); two halves
found by spectral partition (Fiedler 1973), and the largest flow between them, bound it from above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import Fabric, LinkKind, NodeKind
from .switch_graph import SwitchGraph, adjacency
from .tiers import Tier

_ROUNDS = 300
_LARGEST = 2**30


@dataclass(frozen=True)
class Bisection:
    """Bit/s one way, and how it was found."""

    bps: float
    method: str


def bisection(fabric: Fabric, graph: SwitchGraph, tiers: tuple[Tier, ...]) -> Bisection:
    """Of the network; of the scale-up links where the fabric has no network."""
    ports_bps = float(fabric.capacity_bps[graph.port_link].sum())
    if not graph.size:
        return Bisection(_scale_up_bps(fabric) / 2, "half the accelerators' scale-up bandwidth")
    if is_tree(fabric):
        above = [tier.up_bps for tier in tiers[:-1]]
        return Bisection(min([ports_bps, *above]) / 2, "half of the tree's narrowest tier")
    return Bisection(_between_halves(fabric, graph), "largest flow between two halves found by spectral partition")


def is_tree(fabric: Fabric) -> bool:
    """Whether every switch covers an interval of the endpoints."""
    switches = (fabric.node_kind >= NodeKind.LEAF) & (fabric.node_kind <= NodeKind.SWITCH)
    return bool(switches.any() and (fabric.column("first")[switches] >= 0).all())


def _scale_up_bps(fabric: Fabric) -> float:
    up = (fabric.link_kind == LinkKind.NVLINK) & (fabric.node_kind[fabric.link_source] == NodeKind.ACCELERATOR)
    return float(fabric.capacity_bps[up].sum())


def _between_halves(fabric: Fabric, graph: SwitchGraph) -> float:
    """The smallest of the largest flows over a few ways to halve the servers."""
    owner = _owners(fabric, graph)
    sides = (fiedler(graph)[graph.port_switch], np.arange(len(owner), dtype=np.float64))
    return min(flow_between(fabric, graph, _half(owner, place)) for place in sides)


def _owners(fabric: Fabric, graph: SwitchGraph) -> npt.NDArray[np.int64]:
    """What a port belongs to and must not be torn from: its server, else its own node; dense numbers."""
    node = fabric.link_source[graph.port_link].astype(np.int64)
    server = fabric.column("server")[node]
    return np.unique(np.where(server >= 0, server - fabric.nodes, node), return_inverse=True)[1]


def _half(owner: npt.NDArray[np.int64], place: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each port lies in the half of the owners whose mean place is lowest."""
    mean = np.bincount(owner, weights=place) / np.bincount(owner)
    low = np.zeros(len(mean), dtype=bool)
    low[np.argsort(mean, kind="stable")[: len(mean) // 2]] = True
    return low[owner]


def fiedler(graph: SwitchGraph, seed: int = 0) -> npt.NDArray[np.float64]:
    """A place for each switch on a line, so that joined switches lie close: the second eigenvector of the normalised
    Laplacian, by power iteration."""
    weights = adjacency(graph)
    root = np.sqrt(np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1e-300))
    trivial = root / np.linalg.norm(root)
    vector = np.random.default_rng(seed).standard_normal(graph.size)
    for _ in range(_ROUNDS):
        vector -= trivial * (trivial @ vector)
        vector = vector + (weights @ (vector / root)) / root
        vector /= max(np.linalg.norm(vector), 1e-300)
    return vector / root


def flow_between(fabric: Fabric, graph: SwitchGraph, low: npt.NDArray[np.bool_]) -> float:
    """Largest flow in bit/s from the ports in `low` to all others; rounded down to 1 part in 10^6 where rates have no
    common unit."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import maximum_flow

    source, sink = graph.size, graph.size + 1
    up, down = fabric.capacity_bps[graph.port_link], fabric.capacity_bps[graph.port_link ^ 1]
    capacity_bps = np.concatenate((graph.capacity_bps, up[low], down[~low]))
    tail = np.concatenate((graph.source, np.full(low.sum(), source), graph.port_switch[~low]))
    head = np.concatenate((graph.neighbour, graph.port_switch[low], np.full((~low).sum(), sink)))
    unit = _unit(capacity_bps)
    matrix = coo_array(
        ((capacity_bps / unit).astype(np.int32), (tail, head)), shape=(sink + 1, sink + 1), dtype=np.int32
    )
    return float(maximum_flow(matrix.tocsr(), source, sink).flow_value) * unit


def _unit(capacity_bps: npt.NDArray[np.float64]) -> float:
    """The rate that all are whole numbers of, unless that makes the numbers too large for 32 bits."""
    common = float(np.gcd.reduce(np.round(capacity_bps).astype(np.int64)))
    return max(common, float(capacity_bps.sum()) / _LARGEST)
