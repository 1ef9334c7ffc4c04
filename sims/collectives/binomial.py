"""Binomial trees from the root, position 0 (Thakur, Rabenseifner and Gropp, Int. J. High Perform. Comput. Appl. 19,
2005, section 3): broadcast and reduce send S along every edge, scatter and gather what lies behind it.

    T = ceil(log2 n) (alpha + S / B),                   broadcast and reduce
    T = ceil(log2 n) alpha + (n - 1)/n S / B,           scatter and gather, for n = 2^k

Lower bounds: ceil(log2 n) alpha; S / B, and (n - 1)/n S / B.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Phase, Schedule, listed, rounds

OPS = ("broadcast", "reduce", "scatter", "gather")


def binomial(comm: Communicator, op: str) -> Schedule:
    """From the root the farthest distance comes first, towards it the nearest."""
    edge = _block_edges if op in ("scatter", "gather") else _whole_edges
    steps = range((comm.size - 1).bit_length())
    inward = op in ("reduce", "gather")
    return tuple(edge(comm, 1 << step, inward) for step in (steps if inward else reversed(steps)))


def _whole_edges(comm: Communicator, distance: int, inward: bool) -> Phase:
    near = np.arange(0, comm.size - distance, 2 * distance)
    moves = Moves.of(np.arange(len(near)), 0, 1.0, adds=inward)
    src, dst = (near + distance, near) if inward else (near, near + distance)
    return rounds(comm.ranks[src], comm.ranks[dst], 1.0, lambda _: moves)


def _block_edges(comm: Communicator, distance: int, inward: bool) -> Phase:
    """Behind the edge from `near` to `near + distance` lie the next `distance` ranks, as far as there are any."""
    near = np.arange(0, comm.size - distance, 2 * distance)
    behind = np.minimum(distance, comm.size - near - distance)

    def moves(_: int) -> Moves:
        transfer, step = listed(behind)
        return Moves.of(transfer, near[transfer] + distance + step, 1 / comm.size)

    src, dst = (near + distance, near) if inward else (near, near + distance)
    return rounds(comm.ranks[src], comm.ranks[dst], behind / comm.size, moves)
