"""Pipelined chain: broadcast, and reduce backwards, in C chunks from rank to rank.

    T(C) = (n - 2 + C)(alpha + S / (C B)),   least at C = sqrt((n - 2) S / (alpha B)), where T = (sqrt((n - 2) alpha) +
    sqrt(S / B))^2

(Chan, Heimlich, Purkayastha and van de Geijn, Concurr. Comput. 19, 2007). Lower bounds: ceil(log2 n) alpha and S / B,
the second of which it nears for large S.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .ring import channel_positions
from .schedule import Moves, Schedule, rounds

OPS = ("broadcast", "reduce")
CHUNKS = tuple(2**power for power in range(13))
"""Cuts that are tried; the nearest to the ideal one costs at most 6% more, (x + 1 / x) / 2 at x = sqrt(2)."""


def chain(comm: Communicator, op: str) -> tuple[Schedule, ...]:
    """One schedule per number of chunks."""
    return tuple(_chain(comm, op, chunks) for chunks in CHUNKS)


def _chain(comm: Communicator, op: str, chunks: int) -> Schedule:
    """Hop h carries chunk r - h in round r."""
    order = channel_positions(comm, 0)
    order = np.roll(order, -int(np.flatnonzero(order == 0)[0]))
    nearer, farther = comm.ranks[order[:-1]], comm.ranks[order[1:]]
    src, dst, hop = (nearer, farther, np.arange(comm.size - 1))
    if op == "reduce":
        src, dst, hop = farther, nearer, hop[::-1]

    def moves(round_number: int) -> Moves:
        chunk = round_number - hop
        under_way = np.flatnonzero((chunk >= 0) & (chunk < chunks))
        return Moves.of(under_way, 0, 1 / chunks, chunk[under_way], adds=op == "reduce")

    return (rounds(src, dst, 1 / chunks, moves, comm.size - 2 + chunks),)
