"""PAT, parallel aggregated trees (Jeaugey, arXiv 2506.20252, 2025; NCCL's PatRSAlgorithm and PatAGAlgorithm):
all-gather and reduce-scatter in ceil(log2 n) steps for any n.

Every rank's block goes down its own binomial tree, farthest distance first, and a rank sends all blocks that cross
the same edge in one message. So the last and largest messages go to neighbours, where Bruck's go far.

    T = ceil(log2 n) alpha + (n - 1)/n S / B

the fewest steps, and no more bytes than a port must receive. This is the fully aggregated form: buffers hold n/2
blocks.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-gather", "reduce-scatter")


def pat(comm: Communicator, op: str) -> Schedule:
    """A reduce-scatter is the all-gather backwards."""
    steps = range((comm.size - 1).bit_length())
    if op == "reduce-scatter":
        return tuple(_step(comm, 1 << step, adding=True) for step in steps)
    return tuple(_step(comm, 1 << step, adding=False) for step in reversed(steps))


def _step(comm: Communicator, distance: int, adding: bool) -> Phase:
    """In a rank's tree the ranks at multiples of 2 `distance` from it pass its block on by `distance`, or fetch."""
    n, here = comm.size, np.arange(comm.size)
    gone = np.arange(0, n - distance, 2 * distance)
    near, far = comm.ranks, comm.ranks[(here + distance) % n]

    def moves(_: int) -> Moves:
        return Moves.of(here[:, None], (here[:, None] - gone) % n, 1 / n, adds=adding)

    return rounds(*((far, near) if adding else (near, far)), len(gone) / n, moves)
