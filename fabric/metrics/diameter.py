"""The longest of the shortest ways between two switches, in hops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from ..graph import SWITCH_KINDS, Fabric
from .tiers import Tier, network_links

_ROWS = 256
"""Switches searched from at a time: memory stays at this many rows of distances."""


def diameter(fabric: Fabric, tiers: Sequence[Tier]) -> int:
    """Hops between the switches farthest apart, among those that reach each other.

    In a tree of t tiers, which its generator has drawn as one (tree columns), that is 2 (t - 1): up to the top and
    down. Elsewhere a breadth-first search from every switch.
    """
    if tiers and "level" in fabric.columns:
        return 2 * (len(tiers) - 1)
    switches = fabric.of_kind(*SWITCH_KINDS)
    number = np.full(fabric.nodes, -1)
    number[switches] = np.arange(len(switches))
    used = network_links(fabric)
    source, target = number[fabric.link_source[used]], number[fabric.link_target[used]]
    inner = (source >= 0) & (target >= 0)
    size = len(switches)
    graph = sparse.coo_array((np.ones(int(inner.sum())), (source[inner], target[inner])), (size, size)).tocsr()
    farthest = 0
    for start in range(0, size, _ROWS):
        rows = np.arange(start, min(start + _ROWS, size))
        hops = sparse.csgraph.dijkstra(graph, indices=rows, unweighted=True)
        farthest = max(farthest, int(hops[np.isfinite(hops)].max(initial=0)))
    return farthest
