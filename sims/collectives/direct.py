"""Everything sent at once, straight to its destination: all-to-all (also of unlike sizes), gather and scatter as NCCL's
grouped send and receive do them; and the tokens of a mixture of experts, one by one to each rank that wants them.

    T = alpha + (n - 1)/n S / B

the fewest steps and the fewest bytes; what it costs is n - 1 connections per rank and the incast that they are.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .demand import EXPERT_OPS, Call, pair_shares
from .gating import chosen_ranks, hits, tokens_to
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-to-all", "all-to-all-v", "gather", "scatter", *EXPERT_OPS)


def direct(comm: Communicator, call: Call) -> Schedule:
    """One phase of n(n - 1) transfers, or of n - 1."""
    n = comm.size
    if call.op in EXPERT_OPS:
        return (_tokens(comm, call),)
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


def _tokens(comm: Communicator, call: Call) -> Phase:
    """Every token to each other rank that has one of its experts, or the results of these back, to be summed."""
    n = comm.size
    chosen = chosen_ranks(call.gating, n, call.skew, call.seed)
    wanted = hits(chosen, np.arange(n), n) * ~np.eye(n, dtype=bool)
    source, target = np.nonzero(wanted)
    back = call.op == "moe-combine"

    def moves(_: int) -> Moves:
        number = np.zeros((n, n), dtype=np.int64)
        number[source, target] = np.arange(len(source))
        ways = tokens_to(chosen, np.arange(n))
        ways = ways[ways[:, 0] != ways[:, 2]]
        return Moves.of(number[ways[:, 0], ways[:, 2]], ways[:, 0], 1 / chosen.shape[1], ways[:, 1], back)

    first, last = (target, source) if back else (source, target)
    return rounds(comm.ranks[first], comm.ranks[last], wanted[source, target], moves)
