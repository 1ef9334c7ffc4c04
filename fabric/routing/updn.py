"""Up*/down*: on any graph, up towards a root and then down, never up again (Schroeder et al., "Autonet: A High-Speed,
Self-Configuring Local Area Network Using Point-to-Point Links", IEEE JSAC 1991, section 6.6).

No circle of waiting links can close, so one lane is enough. A switch that has a way down to the destination takes it,
the shortest one; every other climbs by the fewest hops to one that has. That depends on the destination alone, as a
forwarding table must. Where climbing by tier (leaf, spine, core) does not join every pair, heights are hops from one
central switch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from ._breadth_first_kernels import fill_hops
from ._choice_kernels import DESTINATION
from .next_hops import NextHops, Seeds, every_start
from .ports import network_ports
from .router import Router, Rule
from .switch_graph import SwitchGraph, switch_graph
from .switched import SwitchedRouter

Heights = npt.NDArray[np.int64]


def updn(fabric: Fabric, seed: int = 0) -> Router:
    """Ports towards the destination dealt evenly; neither source, entropy nor `seed` matters."""
    graph = switch_graph(fabric)
    height = heights(fabric, graph)
    ordered = graph.climbing(height)
    from_the_top = np.argsort(-height, kind="stable").astype(np.int32)
    return SwitchedRouter(fabric, Rule(DESTINATION, seed), NextHops(ordered, from_the_top))


def heights(fabric: Fabric, graph: SwitchGraph) -> Heights:
    """A height of its own per switch (compact number): by tier where that joins every pair, else by hops from the
    root; lower numbers stand higher among equals."""
    part, edge = _parts(graph), np.unique(graph.number[network_ports(fabric).switch])
    by_tier = _all_different(fabric.node_kind[graph.number >= 0].astype(np.int64))
    if _joins_all(graph.climbing(by_tier), by_tier, part, edge):
        return by_tier
    centres = [_centre(graph, np.flatnonzero(part == number)) for number in range(part.max() + 1)]
    return _all_different(-_hops_from(graph, centres).astype(np.int64))


def _all_different(height: Heights) -> Heights:
    """The same order, ties broken in favour of the lower number."""
    order = np.lexsort((-np.arange(len(height)), height))
    different = np.empty(len(height), dtype=np.int64)
    different[order] = np.arange(len(height))
    return different


def _parts(graph: SwitchGraph) -> npt.NDArray[np.int32]:
    """The connected part of each switch."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    shape = (graph.switches, graph.switches)
    return connected_components(coo_array((np.ones(len(graph.links), np.int8), graph.ends), shape), directed=False)[1]


def _joins_all(graph: SwitchGraph, height: Heights, part: npt.NDArray[np.int32], edge: npt.NDArray[np.int32]) -> bool:
    """Whether every two `edge` switches of a part can climb to a common one: then up and down joins all endpoints that
    cables join."""
    source, target = graph.ends
    up_source, up_target = source[graph.rising], target[graph.rising]
    tops = np.setdiff1d(np.arange(graph.switches), up_source)
    reaches = np.zeros((graph.switches, len(tops)), dtype=np.bool_)
    reaches[tops, np.arange(len(tops))] = True
    for k in np.argsort(-height[up_source]):
        reaches[up_source[k]] |= reaches[up_target[k]]
    distinct = edge[np.unique(np.column_stack((part, reaches))[edge], axis=0, return_index=True)[1]]
    tops_of = reaches[distinct].astype(np.float32)
    apart = part[distinct][:, None] != part[distinct]
    return bool((apart | (tops_of @ tops_of.T > 0)).all())


def _centre(graph: SwitchGraph, switches: npt.NDArray[np.int64]) -> int:
    """Of the switches with the most cables, the one whose farthest switch is nearest."""
    degree = np.diff(graph.indptr)[switches]
    candidates = switches[degree == degree.max()][:_CANDIDATES]
    return int(min(candidates, key=lambda switch: _hops_from(graph, [switch]).max()))


_CANDIDATES = 64
"""Switches tried as root: in a symmetric network all are alike."""


def _hops_from(graph: SwitchGraph, roots: list[int]) -> npt.NDArray[np.int16]:
    """Hops of each switch from the nearest root; -1 in a part without one."""
    hops = np.empty((1, graph.switches), dtype=np.int16)
    seeds = Seeds(np.array([0, len(roots)]), np.array(roots, dtype=np.int32))
    fill_hops(graph, seeds, np.zeros(1, dtype=np.int32), every_start(1), hops)
    return hops[0]
