"""Bruck's algorithms (Bruck, Ho, Kipnis, Upfal and Weathersby, IEEE Trans. Parallel Distrib. Syst. 8, 1997): all-gather
and all-to-all in ceil(log2 n) steps for any n; with no data at all, the dissemination barrier (Hensgen, Finkel and
Manber, Int. J. Parallel Program. 17, 1988).

    T = ceil(log2 n) alpha + (n - 1)/n S / B,                         all-gather
    T = ceil(log2 n) alpha + sum_k #{j < n: bit k of j set} S / (n B),   all-to-all: S log2(n) / (2 B) for n = 2^k

Both take the fewest steps there are; the all-gather also sends no more than it must, (n - 1)/n S.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-gather", "all-to-all", "barrier")

_FLAG = 2.0**-30
"""Share of a barrier's size, 0, that a message carries: not nothing, as nothing would not be sent."""


def bruck(comm: Communicator, op: str) -> Schedule:
    phase = {"all-gather": _gathering, "all-to-all": _exchanging, "barrier": _telling}[op]
    return tuple(phase(comm, 1 << step) for step in range((comm.size - 1).bit_length()))


def _gathering(comm: Communicator, distance: int) -> Phase:
    """Everyone holds `distance` blocks, from its own on, and sends those that the rank so far below it lacks."""
    n, here = comm.size, np.arange(comm.size)
    count = min(distance, n - distance)

    def moves(_: int) -> Moves:
        return Moves.of(here[:, None], (here[:, None] + np.arange(count)) % n, 1 / n)

    return rounds(comm.ranks, comm.ranks[(here - distance) % n], count / n, moves)


def _exchanging(comm: Communicator, distance: int) -> Phase:
    """Blocks with j ranks to go, from their sources, move `distance` on where j has that bit."""
    n, here = comm.size, np.arange(comm.size)
    togo = here[(here & distance) > 0]

    def moves(_: int) -> Moves:
        source = (here[:, None] - (togo & (distance - 1))) % n
        return Moves.of(here[:, None], source * n + (source + togo) % n, 1 / n)

    return rounds(comm.ranks, comm.ranks[(here + distance) % n], len(togo) / n, moves)


def _telling(comm: Communicator, distance: int) -> Phase:
    """Everyone tells the rank `distance` on who it has heard of."""
    here = np.arange(comm.size)
    moves = Moves.of(here, 0, _FLAG, adds=True)
    return rounds(comm.ranks, comm.ranks[(here + distance) % comm.size], _FLAG, lambda _: moves)
