"""Ring all-reduce, reduce-scatter and all-gather (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009).

Every rank sends S/n to its neighbour in each of n - 1 rounds (2(n - 1) for all-reduce), so on ports of bandwidth B

    T = 2(n - 1) (alpha + S / (n B)),   all-reduce;   half of it for reduce-scatter and all-gather

and no algorithm without reduction in the network moves less: a port must send and receive 2(n - 1)/n S bytes.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator, Ranks
from .schedule import Schedule, rounds

OPS = ("all-reduce", "reduce-scatter", "all-gather")


def ring(comm: Communicator, op: str) -> Schedule:
    """One ring per channel, each with its share of the data. Channels in a single domain would all be the same
    ring."""
    channels = 1 if comm.domains == 1 else comm.channels
    orders = np.stack([channel_order(comm, channel) for channel in range(channels)])
    passes = 2 if op == "all-reduce" else 1
    return (rounds(orders, np.roll(orders, -1, axis=1), 1 / (comm.size * channels), passes * (comm.size - 1)),)


def channel_order(comm: Communicator, channel: int) -> Ranks:
    """The ranks in the order of one channel's ring.

    The ring enters an even domain at the channel's own rank and goes up; it enters an odd domain where it left the
    even one and goes down, so that it crosses between domains on one rail (NCCL, environment variable NCCL_CROSS_NIC
    = 2).
    """
    domain = np.repeat(np.arange(comm.domains), comm.domain_sizes)
    start, size = comm.starts[domain, channel], comm.domain_sizes[domain]
    step = np.arange(comm.size) - comm.indptr[domain]
    local = np.where(domain % 2 == 0, start + step, start - 1 - step) % size
    return comm.ranks[comm.indptr[domain] + local]
