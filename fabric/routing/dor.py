"""Dimension-order routing: all of the way along the first dimension, then along the next (Dally, Seitz, "Deadlock-Free
Message Routing in Multiprocessor Interconnection Networks", IEEE Trans. Computers 1987).

Meshes and HyperX (Ahn et al., SC 2009) need one lane. The rings of a torus need two: a path changes to the second where
it crosses the dateline between the last and the first coordinate. Rings are gone round the shorter way; exactly
halfway, up from switches whose coordinates add up to an even number and down from the others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric
from ._choice_kernels import DESTINATION
from ._grid_kernels import FULL, LINE, RING, grid_paths
from .lanes import by_dateline, one_lane
from .next_hops import NextHops, Trips
from .ports import Ports
from .router import Indptr, Pairs, Paths, Reached, Router, Rule, Shares, Spread, csr
from .switch_graph import SwitchGraph, switch_graph
from .switched import SwitchedRouter

COLUMNS = ("coord0", "coord1", "coord2", "coord3")


class Grid(NamedTuple):
    """Coordinates `at[switch, dimension]` from 0, the `size` and `kind` (LINE, RING, FULL) of each dimension, and the
    dimension that each link of the graph runs `along`."""

    at: npt.NDArray[np.int16]
    size: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    along: npt.NDArray[np.int8]


def dor(fabric: Fabric, seed: int = 0) -> Router:
    """Parallel cables dealt evenly by destination; neither source, entropy nor `seed` matters.

    Raises RoutingError for a fabric that is no grid: switches without coordinates, cables along no one dimension.
    """
    graph = switch_graph(fabric)
    grid = grid_of(fabric, graph)
    hops = GridHops(graph, grid)
    rule = Rule(DESTINATION, seed)
    if not (grid.kind == RING).any():
        return SwitchedRouter(fabric, rule, hops, one_lane)
    source, target = graph.ends
    crosses, along = np.zeros(fabric.links, np.bool_), np.zeros(fabric.links, np.int8)
    apart = np.abs(_difference(grid, source, target))[np.arange(len(source)), grid.along]
    crosses[graph.links], along[graph.links] = (apart > 1) & (grid.kind == RING)[grid.along], grid.along
    return SwitchedRouter(fabric, rule, hops, by_dateline(crosses, along))


def grid_of(fabric: Fabric, graph: SwitchGraph) -> Grid:
    """What each dimension is, is read off its cables: neighbours only, neighbours and once around, or every pair."""
    columns = [fabric.column(name)[graph.number >= 0] for name in COLUMNS if name in fabric.columns]
    columns = [column for column in columns if (column >= 0).any()]
    if not columns or any((column < 0).any() for column in columns):
        raise RoutingError(Fault("dor needs a coordinate of every switch", "route by updn or minimal"))
    at = np.column_stack(columns).astype(np.int16)
    source, target = graph.ends
    differs = at[source] != at[target]
    crooked = np.flatnonzero(differs.sum(axis=1) != 1)
    if len(crooked):
        label = fabric.link_label(int(graph.links[crooked[0]]))
        raise RoutingError(Fault(f"{label} does not run along one dimension, as dor needs", "route by updn or minimal"))
    size, along = at.max(axis=0).astype(np.int64) + 1, differs.argmax(axis=1).astype(np.int8)
    grid = Grid(at, size, np.zeros(len(size), np.int8), along)
    apart = np.abs(_difference(grid, source, target)).max(axis=1, initial=0)
    kinds = [_kind(int(size[d]), apart[along == d]) for d in range(len(size))]
    return grid._replace(kind=np.array(kinds, dtype=np.int8))


def _kind(size: int, apart: npt.NDArray[np.int16]) -> int:
    spans = set(np.unique(apart).tolist())
    if spans - {1, size - 1}:
        return FULL
    return RING if size > 2 and size - 1 in spans else LINE


def _difference(grid: Grid, source: npt.NDArray[np.int32], target: npt.NDArray[np.int32]) -> npt.NDArray[np.int16]:
    return grid.at[target] - grid.at[source]


class GridHops:
    """Dimension-ordered ways over a grid."""

    def __init__(self, graph: SwitchGraph, grid: Grid) -> None:
        self.graph = graph
        self.grid = grid

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        number = self.graph.number
        start, goal = number[ports.switch[pairs.port_src]], number[ports.switch[pairs.port_dst]]
        digit = NextHops(self.graph).digits(rule, pairs, ports)
        trips = Trips(start, goal.astype(np.int64), digit, pairs.src, pairs.dst, pairs.entropy)
        return self._paths(rule, trips, tie=-1)

    def _paths(self, rule: Rule, trips: Trips, tie: int) -> tuple[Paths, Reached]:
        *paths, reached = grid_paths(rule, trips, tie, self.graph, self.grid)
        return Paths(*paths), reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        """Halfway round both ways alike, and over parallel cables alike."""
        start = self.graph.number[ports.switch[port_src]]
        goal = self.graph.number[ports.switch[port_dst]].astype(np.int64)
        none = np.zeros(len(start), dtype=np.int32)
        trips = Trips(start, goal, goal, none, none, none.astype(np.uint64))
        ways = 2 ** self.grid.at.shape[1]
        owner, links, reached = [], [], np.ones(len(start), np.bool_)
        for way in range(ways):
            paths, found = self._paths(Rule(DESTINATION, 0), trips, tie=way)
            owner.append(np.repeat(np.arange(len(start)), np.diff(paths.indptr)))
            links.append(paths.links)
            reached &= found
        return self._over_parallels(np.concatenate(owner), np.concatenate(links), share_in / ways), reached

    def _over_parallels(self, owner: Indptr, links: npt.NDArray[np.int32], share: Shares) -> Spread:
        """Each entry's `links`, those next to them to the same switch too, in equal parts."""
        graph = self.graph
        source, target = graph.ends
        trunk = np.empty(len(graph.link_target), dtype=np.int64)
        _, trunk[graph.links], cables = np.unique(
            source.astype(np.int64) << 32 | target, return_inverse=True, return_counts=True
        )
        by_trunk = graph.links[np.argsort(trunk[graph.links], kind="stable")]
        first, counts = csr(cables)[trunk[links]], cables[trunk[links]]
        offset = np.arange(counts.sum()) - np.repeat(csr(counts)[:-1], counts)
        owner = np.repeat(owner, counts)
        spread_links = by_trunk[np.repeat(first, counts) + offset]
        shares = share[owner] / np.repeat(counts, counts)
        order = np.argsort(owner, kind="stable")
        return Spread(csr(np.bincount(owner, minlength=len(share))), spread_links[order], shares[order])
