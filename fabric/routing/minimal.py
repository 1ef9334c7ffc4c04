"""Minimal routing with the lanes that make it free of deadlock.

Dragonfly (Kim, Dally, Scott, Abts, ISCA 2008, section 4.1): to a router of the own group that has a link to the
destination's, over it, to the destination's router - one global link at the most, so this may be longer than the
shortest path of the graph. The lane is the number of global links crossed. Trees: up and down, on one lane. Any other
graph: shortest paths, and a lane more with every hop (Besta, Hoefler, "Slim Fly", SC 2014, section IV-D).
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import DESTINATION
from .equal_cost import equal_cost, is_tree
from .groups import groups, has_groups
from .lanes import by_crossing, by_hop, one_lane
from .next_hops import NextHops
from .router import Router, Rule
from .switched import SwitchedRouter


def minimal(fabric: Fabric, seed: int = 0) -> Router:
    """Minimal paths dealt evenly by destination; neither source, entropy nor `seed` matters."""
    rule = Rule(DESTINATION, seed)
    if has_groups(fabric):
        graph, crosses = groups(fabric)
        return SwitchedRouter(fabric, rule, NextHops(graph), by_crossing(crosses))
    return SwitchedRouter(fabric, rule, equal_cost(fabric), one_lane if is_tree(fabric) else by_hop)
