"""Pairwise all-to-all: one partner per round. Ranks whose number is a power of two exchange with r XOR k, others send
to r + k and receive from r - k (Thakur, Rabenseifner and Gropp, Int. J. High Perform. Comput. Appl. 19, 2005, section
3.4).

    T = (n - 1)(alpha + S / (n B))

the fewest bytes, in rounds that never meet at a receiver. With unlike sizes a round waits for its largest message.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .demand import Call, pair_shares
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-to-all", "all-to-all-v")


def pairwise(comm: Communicator, call: Call) -> Schedule:
    n, here = comm.size, np.arange(comm.size)
    power_of_two = n & (n - 1) == 0
    share = pair_shares(call, n)
    partners = ((here ^ k) if power_of_two else (here + k) % n for k in range(1, n))

    def exchange(partner: np.ndarray) -> Phase:
        sent = share[here, partner]
        return rounds(comm.ranks, comm.ranks[partner], sent, lambda _: Moves.of(here, here * n + partner, sent))

    return tuple(exchange(partner) for partner in partners)
