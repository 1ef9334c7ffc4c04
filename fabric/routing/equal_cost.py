"""All shortest ways between switches, alike in cost: by arithmetic on trees, by breadth-first search elsewhere."""

from __future__ import annotations

from ..graph import Fabric
from .next_hops import NextHops
from .router import Hops
from .switch_graph import switch_graph
from .tree import TreeHops


def equal_cost(fabric: Fabric) -> Hops:
    """The shortest ways of this fabric."""
    return TreeHops(fabric) if is_tree(fabric) else NextHops(switch_graph(fabric))


def is_tree(fabric: Fabric) -> bool:
    """Whether the fabric says what every switch covers."""
    return "first" in fabric.columns
