"""Next hops on tree-shaped fabrics by arithmetic: no table, no search over the graph.

Every switch covers an interval of positions (columns `first`, `span`, `level` of the Fabric). A destination outside the
interval is reached through any up port, one inside through the child that covers it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..facts import fact
from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ._tree_kernels import tree_paths, tree_spread
from .ports import Ports
from .router import Indptr, Links, Pairs, Paths, Reached, Rule, Shares, Spread, csr


class Tree(NamedTuple):
    """Up and down links of every node, as CSR: `up_*` by port, `down_*` by the child's first position, then by port."""

    link_target: Links
    up_indptr: Indptr
    up_links: Links
    down_indptr: Indptr
    down_links: Links
    first: npt.NDArray[np.int32]
    span: npt.NDArray[np.int32]
    level: npt.NDArray[np.int8]


class TreeHops:
    """The arithmetic next hops of a fabric that carries tree columns."""

    def __init__(self, fabric: Fabric) -> None:
        self.tree = _tree(fabric)

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        *paths, reached = tree_paths(rule, pairs, ports, self.tree)
        return Paths(*paths), reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        goals, positions = ports.switch[port_dst], self.tree.first[ports.node[port_dst]]
        *spread, reached = tree_spread(ports.switch[port_src], goals, positions, share_in, self.tree)
        return Spread(*spread), reached


@fact
def _tree(fabric: Fabric) -> Tree:
    level, first, span = (fabric.column(name) for name in ("level", "first", "span"))
    source, target = fabric.link_source, fabric.link_target
    rise = level[target].astype(np.int16) - level[source]
    within = (fabric.link_kind == LinkKind.NETWORK) & (level[source] >= 0) & (level[target] >= 0)
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    up = np.flatnonzero(within & (rise == 1) & switch[source]).astype(np.int32)
    down = np.flatnonzero(within & (rise == -1)).astype(np.int32)
    up = up[np.lexsort((fabric.port[up], source[up]))]
    down = down[np.lexsort((fabric.port[down], first[target[down]], source[down]))]
    up_indptr, down_indptr = (csr(np.bincount(source[side], minlength=fabric.nodes)) for side in (up, down))
    return Tree(target, up_indptr, up, down_indptr, down, first, span, level)
