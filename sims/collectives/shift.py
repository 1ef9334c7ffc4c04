"""All-to-all in NCCL's order of peers (src/enqueue.cc and src/init.cc, release 2.30.7): grouped send and receive work
off one group of ranks after the other.

Ranks are cut into groups of g: 8, or the greatest common divisor of 8 and every domain's ranks; a single domain is one
group. Group x sends to group x + delta, deltas in the triangular order 0, 1, 3, 6, 10, ... modulo the next power of
two, those past the last group left out. In a batch every rank sends to all g ranks of one group, so the first batch
stays inside the group, and leaves the network idle.

    T = G alpha + (n - 1)/n S / B,   G = n / g batches
"""

from __future__ import annotations

import math

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-to-all",)
GROUP_RANKS = 8
"""Works per batch."""


def shift(comm: Communicator, op: str) -> Schedule:
    """One phase per batch; that of a rank alone in its group has nothing to do."""
    group = comm.size if comm.domains == 1 else math.gcd(GROUP_RANKS, *comm.domain_sizes.tolist())
    batches = [_batch(comm, group, delta) for delta in triangular_order(comm.size // group)]
    return tuple(batch for batch in batches if len(batch.src))


def triangular_order(groups: int) -> list[int]:
    """`triangular_order(8)` -> 0 1 3 6 2 7 5 4: every group once."""
    modulus = 1 << (groups - 1).bit_length()
    sums = (step * (step + 1) // 2 % modulus for step in range(modulus))
    return [delta for delta in sums if delta < groups]


def _batch(comm: Communicator, group: int, delta: int) -> Phase:
    """Every rank to all ranks of the group `delta` on, first to the one of its own place."""
    n = comm.size
    here, step = (index.ravel() for index in np.divmod(np.arange(n * group), group))
    target = (here // group + delta) % (n // group) * group + (here % group + step) % group
    here, target = here[here != target], target[here != target]

    def moves(_: int) -> Moves:
        return Moves.of(np.arange(len(here)), here * n + target, 1 / n)

    return rounds(comm.ranks[here], comm.ranks[target], 1 / n, moves)
