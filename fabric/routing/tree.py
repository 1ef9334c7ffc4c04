"""Next hops on tree-shaped fabrics by arithmetic: no table, no search over the graph.

Every switch covers an interval of positions (columns `first`, `span`, `level` of the Fabric). A destination outside the
interval is reached through any up port, one inside through the child that covers it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ._tree_kernels import tree_paths, tree_spread
from .ports import Attachments
from .router import Indptr, Links, csr


@dataclass(frozen=True)
class TreeHops:
    """Up and down links of every node: `up_*` by port, `down_*` by the child's first position, then by port."""

    link_target: Links
    up_indptr: Indptr
    up_links: Links
    down_indptr: Indptr
    down_links: Links
    first: npt.NDArray[np.int32]
    span: npt.NDArray[np.int32]
    level: npt.NDArray[np.int8]

    @classmethod
    def of(cls, fabric: Fabric) -> TreeHops:
        level, first, span = (fabric.column(name) for name in ("level", "first", "span"))
        rise = level[fabric.link_target].astype(np.int16) - level[fabric.link_source]
        within = (
            (fabric.link_kind == LinkKind.NETWORK)
            & (level[fabric.link_source] >= 0)
            & (level[fabric.link_target] >= 0)
        )
        switch = np.isin(fabric.node_kind, SWITCH_KINDS)
        up = np.flatnonzero(within & (rise == 1) & switch[fabric.link_source])
        down = np.flatnonzero(within & (rise == -1))
        up = up[np.lexsort((fabric.port[up], fabric.link_source[up]))]
        down = down[np.lexsort((fabric.port[down], first[fabric.link_target[down]], fabric.link_source[down]))]
        count = [csr(np.bincount(fabric.link_source[side], minlength=fabric.nodes)) for side in (up, down)]
        links = [side.astype(np.int32) for side in (up, down)]
        return cls(fabric.link_target, count[0], links[0], count[1], links[1], first, span, level)

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
        """CSR of one path per pair between the chosen attachments, and its lengths (-1: unreachable)."""
        return tree_paths(
            rule, seed, src, dst, entropy, att_src, att_dst, att.bus_links, att.port_links, att.ports, att.switches,
            self.link_target, self.up_indptr, self.up_links, self.down_indptr, self.down_links,
            self.first, self.span, self.level,
        )  # fmt: skip

    def spread(
        self, att: Attachments, att_src: Indptr, att_dst: Indptr, share_in: npt.NDArray[np.float64]
    ) -> tuple[Indptr, Links, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """CSR of links and shares from the source's switch to the destination's port, and which pairs were reached."""
        return tree_spread(
            att.switches[att_src], att.ports[att_dst], self.link_target, self.up_indptr, self.up_links,
            self.down_indptr, self.down_links, self.first, self.span, share_in,
        )  # fmt: skip
