"""Everything sent at once, straight to its destination: all-to-all (also of unlike sizes), gather and scatter as NCCL's
grouped send and receive do them.

    T = alpha + (n - 1)/n S / B

the fewest steps and the fewest bytes; what it costs is n - 1 connections per rank and the incast that they are.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .demand import Call, pair_shares
from .schedule import Moves, Schedule, rounds

OPS = ("all-to-all", "all-to-all-v", "gather", "scatter")


def direct(comm: Communicator, call: Call) -> Schedule:
    """One phase of n(n - 1) transfers, or of n - 1."""
    n = comm.size
    if call.op in ("gather", "scatter"):
        others = np.arange(1, n)
        ends = (comm.ranks[others], np.broadcast_to(comm.ranks[:1], n - 1))
        src, dst = ends if call.op == "gather" else ends[::-1]
        return (rounds(src, dst, 1 / n, lambda _: Moves.of(others - 1, others, 1 / n)),)
    source, step = np.divmod(np.arange(n * (n - 1)), n - 1)
    target = (source + step + 1) % n
    share = pair_shares(call, n)[source, target]

    def moves(_: int) -> Moves:
        return Moves.of(np.arange(len(source)), source * n + target, share)

    return (rounds(comm.ranks[source], comm.ranks[target], share, moves),)
