"""D-mod-k: static, destination-based forwarding for trees.

At level l the up port towards destination position D is floor(D / product of up-port counts below l) mod (number of up
ports), so every shift permutation of a full tree is free of contention (Zahavi, "D-Mod-K Routing Providing Non-Blocking
Traffic for Shift Permutations on Real Life Fat Trees", 2010). On other graphs the same idea over minimal next hops: the
destinations behind a switch are dealt evenly over the ports towards it.
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import DESTINATION
from .equal_cost import equal_cost
from .router import Router, Rule
from .switched import SwitchedRouter


def d_mod_k(fabric: Fabric, seed: int = 0) -> Router:
    """Ports by digits of the destination; neither source, entropy nor `seed` matters."""
    return SwitchedRouter(fabric, Rule(DESTINATION, seed), equal_cost(fabric))
