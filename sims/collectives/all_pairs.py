"""Every rank with every other at once, in one hop per pass: part j of the data to rank j, which adds, and the sum back
to all (RCCL's all-pairs for ranks that are all cabled to each other, in its bundled algorithm files).

    T = 2 (alpha + (n - 1)/n S / B),   all-reduce;   half of it for reduce-scatter and all-gather

the fewest steps and, as 2(n - 1)/n S leaves every rank, the fewest bytes.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-reduce", "reduce-scatter", "all-gather")


def all_pairs(comm: Communicator, op: str) -> Schedule:
    """A pass that adds, a pass that spreads, or one of them."""
    passes = {"all-reduce": (True, False), "reduce-scatter": (True,), "all-gather": (False,)}
    return tuple(_pass(comm, adding, whole=op == "all-reduce") for adding in passes[op])


def _pass(comm: Communicator, adding: bool, whole: bool) -> Phase:
    """`whole`: the data are parts of one block, else a block for each rank."""
    n = comm.size
    source, step = np.divmod(np.arange(n * (n - 1)), n - 1)
    target = (source + step + 1) % n
    owner = target if adding else source
    block, part = (np.zeros_like(owner), owner) if whole else (owner, np.zeros_like(owner))
    moves = Moves.of(np.arange(len(source)), block, 1 / n, part, adds=adding)
    return rounds(comm.ranks[source], comm.ranks[target], 1 / n, lambda _: moves)
