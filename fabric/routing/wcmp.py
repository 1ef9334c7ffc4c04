"""Weighted-cost multi-path: ECMP whose hash favours next hops by the bandwidth that reaches the destination over them
(Zhou et al., "WCMP: Weighted Cost Multipathing for Improved Fairness in Data Centers", EuroSys 2014, section 3).

The weight of a port is the lesser of its link's capacity and the sum of the weights behind it, so a link lost further
on counts here already. Tables of real switches round these weights; here they are exact.
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import WEIGHTED
from .hashing import FIVE_TUPLE, Hashing
from .next_hops import NextHops
from .router import Router, Rule
from .switch_graph import switch_graph
from .switched import SwitchedRouter


def wcmp(fabric: Fabric, seed: int = 0, hashing: Hashing = FIVE_TUPLE) -> Router:
    """Per-switch seeded hashing over the shortest next hops in proportion to the bandwidth behind each."""
    hops = NextHops(switch_graph(fabric), weighted=True)
    return SwitchedRouter(fabric, Rule(WEIGHTED, seed, hashing.alike), hops, hashing=hashing)
