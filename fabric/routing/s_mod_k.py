"""S-mod-k: d-mod-k with the source's digits in place of the destination's.

At level l the up port of source position S is floor(S / product of up-port counts below l) mod (number of up ports):
what a source sends climbs to one root, and comes down from there (Rodriguez et al., "Oblivious Routing Schemes in
Extended Generalized Fat Tree Networks", HiPerD 2009, section IV). It needs tables that see the source.
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import SOURCE
from .equal_cost import equal_cost
from .router import Router, Rule
from .switched import SwitchedRouter


def s_mod_k(fabric: Fabric, seed: int = 0) -> Router:
    """Ports by digits of the source; neither destination, entropy nor `seed` matters among equal-cost ports."""
    return SwitchedRouter(fabric, Rule(SOURCE, seed), equal_cost(fabric))
