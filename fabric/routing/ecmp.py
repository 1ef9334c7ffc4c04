"""Equal-cost multi-path: every switch picks a next hop by a hash of the flow (RFC 2992, section 2: modulo-N).

Each switch hashes with a seed of its own, derived from the run's seed, so that tiers do not polarise (`hashing` says
otherwise). All packets of one (src, dst, entropy) take one path; `entropy` is the number of the queue pair, which has a
UDP source port of its own.
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import HASH
from .equal_cost import equal_cost
from .hashing import FIVE_TUPLE, Hashing
from .router import Router, Rule
from .switched import SwitchedRouter


def ecmp(fabric: Fabric, seed: int = 0, hashing: Hashing = FIVE_TUPLE) -> Router:
    """Per-switch seeded hashing over the equal-cost next hops."""
    return SwitchedRouter(fabric, Rule(HASH, seed, hashing.alike), equal_cost(fabric), hashing=hashing)
