"""Van de Geijn's broadcast: binomial scatter, then a ring all-gather (Barnett, Payne, van de Geijn and Watts, J.
Parallel Distrib. Comput. 40, 1997).

    T = (ceil(log2 n) + n - 1) alpha + 2(n - 1)/n S / B,   for n = 2^k

within a factor 2 of the lower bound S / B, in fewer steps than a chain of many chunks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .binomial import binomial
from .communicator import Communicator
from .ring import channel_positions, ring_phase
from .schedule import Moves, Phase, Schedule

OPS = ("broadcast",)


def scatter_all_gather(comm: Communicator, op: str) -> Schedule:
    order = channel_positions(comm, 0)[None, :]
    part = order[:, :, None]
    gather = ring_phase(comm, order, lambda: (np.zeros_like(part), part), 1 / comm.size, 0, comm.size - 1)
    return (*(_of_one_block(phase) for phase in binomial(comm, "scatter")), gather)


def _of_one_block(phase: Phase) -> Phase:
    """The blocks of a scatter are parts of what is broadcast."""

    def moves(round_number: int) -> Moves:
        scattered = phase.moves(round_number)
        return replace(scattered, block=np.zeros_like(scattered.block), part=scattered.block)

    return replace(phase, moves=moves)
