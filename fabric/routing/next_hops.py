"""Next-hop sets on any graph: breadth-first distances to each destination's switch; minimal paths only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ._next_hop_kernels import bfs_distances, graph_paths, graph_spread
from .ports import Attachments
from .router import Indptr, Links, csr


@dataclass(frozen=True)
class NextHops:
    """The switch-to-switch graph: links by port, CSR by compact switch number; `index[node]` is that number."""

    link_target: Links
    indptr: Indptr
    links: Links
    index: npt.NDArray[np.int32]

    @classmethod
    def of(cls, fabric: Fabric) -> NextHops:
        switch = np.isin(fabric.node_kind, SWITCH_KINDS)
        index = np.where(switch, np.cumsum(switch) - 1, -1).astype(np.int32)
        between = np.flatnonzero(
            (fabric.link_kind == LinkKind.NETWORK) & switch[fabric.link_source] & switch[fabric.link_target]
        )
        links = between[np.lexsort((fabric.port[between], fabric.link_source[between]))].astype(np.int32)
        counts = np.bincount(index[fabric.link_source[links]], minlength=int(switch.sum()))
        return cls(fabric.link_target, csr(counts), links, index)

    def distances(self, roots: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int16]]:
        """`(row_of, distance)`: hops int16[distinct roots, switches] to each root node (-1: no way), and each switch's row."""
        distinct = np.unique(self.index[roots])
        row_of = np.full(len(self.indptr) - 1, -1, dtype=np.int32)
        row_of[distinct] = np.arange(len(distinct), dtype=np.int32)
        distance = np.empty((len(distinct), len(self.indptr) - 1), dtype=np.int16)
        bfs_distances(self.indptr, self.links, self.link_target, self.index, distinct, distance)
        return row_of, distance

    def paths(
        self,
        rule: int,
        seed: int,
        src: Links,
        dst: Links,
        entropy: npt.NDArray[np.uint64],
        att: Attachments,
        att_src: Indptr,
        att_dst: Indptr,
    ) -> tuple[Indptr, Links, Indptr]:
        """CSR of one path per pair between the chosen attachments, and its lengths (-1: unreachable).

        The DESTINATION rule numbers the ports of each switch from that switch's own number on, so that the tables of a
        switch spread the destinations behind one switch evenly over its next hops, as OpenSM's min-hop engine does.
        """
        row_of, distance = self.distances(att.switches[att_dst[att_dst >= 0]])
        return graph_paths(
            rule, seed, src, dst, entropy, att_src, att_dst, self._ordinals(att), att.bus_links, att.port_links, att.switches,
            self.link_target, self.indptr, self.links, self.index, row_of, distance,
        )  # fmt: skip

    def _ordinals(self, att: Attachments) -> Indptr:
        order = np.lexsort((att.ports, att.switches))
        ordered = att.switches[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(ordered)]
        within = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
        ordinal = np.empty(len(ordered), dtype=np.int64)
        ordinal[order] = within + self.index[ordered]
        return ordinal

    def spread(
        self, att: Attachments, att_src: Indptr, att_dst: Indptr, share_in: npt.NDArray[np.float64]
    ) -> tuple[Indptr, Links, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """CSR of links and shares from switch to switch, and which pairs were reached."""
        row_of, distance = self.distances(att.switches[att_dst])
        starts, ends = self.index[att.switches[att_src]], self.index[att.switches[att_dst]]
        return graph_spread(
            starts, ends, share_in, self.link_target, self.indptr, self.links, self.index, row_of, distance
        )
