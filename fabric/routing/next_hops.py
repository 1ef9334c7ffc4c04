"""Next-hop sets on any graph: breadth-first distances to each destination's switch; minimal paths only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ._next_hop_kernels import bfs_distances, graph_paths, graph_spread
from .ports import Ports
from .router import Indptr, Links, Pairs, Paths, Reached, Rule, Shares, Spread, csr


class SwitchGraph(NamedTuple):
    """Links between switches by port, as CSR by compact switch number; `index[node]` is that number."""

    link_target: Links
    indptr: Indptr
    links: Links
    index: npt.NDArray[np.int32]


class NextHops:
    """The minimal next hops of any fabric."""

    def __init__(self, fabric: Fabric) -> None:
        self.graph = _switch_graph(fabric)

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        row_of, distance = self._distances(ports.switch[pairs.port_dst])
        *paths, reached = graph_paths(rule, pairs, ports, self.graph, self._ordinals(ports), row_of, distance)
        return Paths(*paths), reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        ends = ports.switch[port_dst]
        row_of, distance = self._distances(ends)
        starts, ends = self.graph.index[ports.switch[port_src]], self.graph.index[ends]
        *spread, reached = graph_spread(starts, ends, share_in, self.graph, row_of, distance)
        return Spread(*spread), reached

    def _distances(self, roots: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int16]]:
        """`(row_of, distance)`: hops int16[distinct roots, switches] to each root, and each switch's row in it."""
        switches = len(self.graph.indptr) - 1
        distinct = np.unique(self.graph.index[roots])
        row_of = np.full(switches, -1, dtype=np.int32)
        row_of[distinct] = np.arange(len(distinct), dtype=np.int32)
        distance = np.empty((len(distinct), switches), dtype=np.int16)
        bfs_distances(self.graph, distinct, distance)
        return row_of, distance

    def _ordinals(self, ports: Ports) -> Indptr:
        """A number per port: consecutive behind one switch, offset by the switch, so that the destinations behind a
        switch are dealt evenly over the next hops towards it, as OpenSM's min-hop engine deals them."""
        order = np.lexsort((ports.node, ports.switch))
        ordered = ports.switch[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(ordered)]
        within = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
        ordinal = np.empty(len(ordered), dtype=np.int64)
        ordinal[order] = within + self.graph.index[ordered]
        return ordinal


def _switch_graph(fabric: Fabric) -> SwitchGraph:
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    index = np.where(switch, np.cumsum(switch) - 1, -1).astype(np.int32)
    between = np.flatnonzero(
        (fabric.link_kind == LinkKind.NETWORK) & switch[fabric.link_source] & switch[fabric.link_target]
    )
    links = between[np.lexsort((fabric.port[between], fabric.link_source[between]))].astype(np.int32)
    counts = np.bincount(index[fabric.link_source[links]], minlength=int(switch.sum()))
    return SwitchGraph(fabric.link_target, csr(counts), links, index)
