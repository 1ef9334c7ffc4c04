"""Equal-cost multi-path: every switch picks a next hop by a hash of the flow (RFC 2992, section 2: modulo-N).

Each switch hashes with a seed of its own, derived from the run's seed, so that tiers do not polarise. All packets of
one (src, dst, entropy) take one path; `entropy` stands for the UDP source port or the queue pair.
"""

from __future__ import annotations

from ..graph import Fabric
from ._choice_kernels import HASH
from .equal_cost import equal_cost
from .router import Router, Rule
from .switched import SwitchedRouter


def ecmp(fabric: Fabric, seed: int = 0) -> Router:
    """Per-switch seeded hashing over the equal-cost next hops."""
    return SwitchedRouter(fabric, Rule(HASH, seed), equal_cost(fabric))
