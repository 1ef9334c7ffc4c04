"""Recursive doubling: all-reduce and all-gather in log2 n exchanges over doubling distances (Thakur, Rabenseifner and
Gropp, Int. J. High Perform. Comput. Appl. 19, 2005, sections 3.1 and 4.2).

    T = log2 n (alpha + S / B),               all-reduce: the whole vector in every exchange
    T = log2 n alpha + (n - 1)/n S / B,       all-gather: what was gathered so far

The e = n - 2^floor(log2 n) surplus ranks fold onto the first e: they send what they have first and receive the
result last, two messages more. Lower bounds: ceil(log2 n) alpha, and 2(n - 1)/n S / B or (n - 1)/n S / B.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .fold import Fold
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-reduce", "all-gather")


def recursive_doubling(comm: Communicator, op: str) -> Schedule:
    fold = Fold(comm)
    distances = [1 << step for step in range(fold.steps)]
    if op == "all-gather":
        blocks = fold.blocks()
        doubling = [fold.swapped(blocks, distance, keeping=True) for distance in distances]
        return (*fold.into_core(blocks, own=True), *doubling, *fold.out_of_core(blocks, "others"))
    whole = fold.whole()
    return (
        *fold.into_core(whole, own=False),
        *(_exchange(fold, distance) for distance in distances),
        *fold.out_of_core(whole, "all"),
    )


def _exchange(fold: Fold, distance: int) -> Phase:
    here, ranks = np.arange(fold.core), fold.comm.ranks
    return rounds(ranks[here], ranks[here ^ distance], 1.0, lambda _: Moves.of(here, 0, 1.0, adds=True))
