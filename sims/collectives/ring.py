"""Ring all-reduce, reduce-scatter and all-gather (Patarasuk and Yuan, J. Parallel Distrib. Comput. 69, 2009);
broadcast and reduce along the ring, opened at the root, as in NCCL.

Every rank sends S/n to its neighbour in each of n - 1 rounds (2(n - 1) for all-reduce), so on ports of bandwidth B

    T = 2(n - 1) (alpha + S / (n B)),   all-reduce;   half of it for reduce-scatter and all-gather
    T = (n - 1) alpha + S / B,          broadcast and reduce, cut so finely that all links are busy at once

and no algorithm without reduction in the network moves less: a port must send and receive 2(n - 1)/n S bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .communicator import Communicator
from .mesh import mesh_cycles
from .schedule import Indices, Moves, Phase, Schedule, rounds

Pieces = Callable[[], tuple[Indices, Indices]]
"""(block, part) of what sets out at each place of each ring: called only where the phase is to be proven."""

OPS = ("all-reduce", "reduce-scatter", "all-gather", "broadcast", "reduce")


def ring(comm: Communicator, op: str) -> Schedule:
    """One ring per channel, each with its share of the data."""
    orders = _orders(comm)
    channels = len(orders)
    if op in ("broadcast", "reduce"):
        return (open_ring(comm, op, orders),)
    channel = np.broadcast_to(np.arange(channels)[:, None, None], (*orders.shape, 1))
    if op == "all-reduce":
        part = channel * comm.size + np.arange(comm.size)[None, :, None]
        block, passes = np.zeros_like(part), 2
    else:
        # What starts at a rank of a reduce-scatter ends at the rank before it.
        part, passes = channel, 1
        block = (orders if op == "all-gather" else np.roll(orders, 1, axis=1))[:, :, None]
    adding = 0 if op == "all-gather" else comm.size - 1
    share, repeats = 1 / (comm.size * channels), passes * (comm.size - 1)
    return (ring_phase(comm, orders, lambda: (block, part), share, adding, repeats),)


def _orders(comm: Communicator) -> Indices:
    """Positions in the communicator [ring, place]. Channels of one switched domain would all be the same ring; ranks
    that are cabled to each other have rings over all their cables."""
    if comm.domains == 1 and comm.meshed:
        return mesh_cycles(comm.size)
    channels = 1 if comm.domains == 1 else comm.channels
    return np.stack([channel_positions(comm, channel) for channel in range(channels)])


def ring_phase(
    comm: Communicator, orders: Indices, pieces: Pieces, fraction: float, adding: int, repeats: int
) -> Phase:
    """Rings side by side: `orders[ring, place]` are positions in the communicator, `pieces()` the `block[ring, place,
    :]` and `part` that set out there, `fraction` of the data together. In every round each place passes on what it
    received last; the first `adding` rounds reduce."""
    length = orders.shape[1]
    transfer = np.arange(orders.size).reshape(*orders.shape, 1)

    def moves(round_number: int) -> Moves:
        sent, (block, part) = (np.arange(length) - round_number) % length, pieces()
        return Moves.of(transfer, block[:, sent], fraction / block.shape[2], part[:, sent], adds=round_number < adding)

    ranks = comm.ranks[orders]
    return rounds(ranks, np.roll(ranks, -1, axis=1), fraction, moves, repeats)


def open_ring(comm: Communicator, op: str, orders: Indices) -> Phase:
    """Chains from the root through all ranks, or back to it, everything in flight."""
    turned = np.stack([np.roll(order, -int(np.flatnonzero(order == 0)[0])) for order in orders])
    tail, head = comm.ranks[turned[:, :-1]], comm.ranks[turned[:, 1:]]
    channels, hops = tail.shape
    hop = np.arange(hops) if op == "broadcast" else hops - 1 - np.arange(hops)
    moves = Moves.of(
        np.arange(tail.size).reshape(tail.shape), 0, 1 / channels, np.arange(channels)[:, None], op == "reduce", hop
    )
    src, dst = (tail, head) if op == "broadcast" else (head, tail)
    return rounds(src, dst, 1 / channels, lambda _: moves, 1, hops)


def channel_positions(comm: Communicator, channel: int) -> Indices:
    """The order of one channel's ring, as positions in the communicator.

    The ring enters an even domain at the channel's own rank and walks through it; it enters an odd domain where it left
    the even one and walks back, so that it crosses between domains on one rail (NCCL, environment variable
    NCCL_CROSS_NIC = 2).
    """
    domain = np.repeat(np.arange(comm.domains), comm.domain_sizes)
    step, last = np.arange(comm.size) - comm.indptr[domain], comm.domain_sizes[domain] - 1
    return comm.walk(channel, domain, np.where(domain % 2 == 0, step, last - step))
