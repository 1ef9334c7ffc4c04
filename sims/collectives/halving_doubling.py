"""Rabenseifner's all-reduce: recursive halving reduce-scatter, then recursive doubling all-gather (Thakur, Rabenseifner
and Gropp, Int. J. High Perform. Comput. Appl. 19, 2005, section 4.5); the first half alone is a reduce-scatter.

    T = 2 log2 n alpha + 2(n - 1)/n S / B,    all-reduce;   half of it for reduce-scatter

Surplus ranks of n that is no power of two fold onto the others: two messages of S more (for reduce-scatter S and its
own block). Lower bounds: ceil(log2 n) alpha and 2(n - 1)/n S / B, so it is within a factor 2 of the one and meets the
other.
"""

from __future__ import annotations

from .communicator import Communicator
from .fold import Fold
from .schedule import Schedule

OPS = ("all-reduce", "reduce-scatter")


def halving_doubling(comm: Communicator, op: str) -> Schedule:
    """Distances halve on the way to one part each, so that the first, largest exchanges are the farthest."""
    fold = Fold(comm)
    pieces = fold.cut() if op == "all-reduce" else fold.blocks()
    distances = [1 << step for step in range(fold.steps)]
    halving = [fold.swapped(pieces, distance, keeping=False) for distance in reversed(distances)]
    halves = (*fold.into_core(pieces, own=False), *halving)
    if op == "reduce-scatter":
        return (*halves, *fold.out_of_core(pieces, "own"))
    doubling = [fold.swapped(pieces, distance, keeping=True) for distance in distances]
    return (*halves, *doubling, *fold.out_of_core(pieces, "all"))
