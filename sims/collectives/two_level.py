"""Two-dimensional all-to-all: first inside every domain, to the rank on the destination's rail, then along the rails
(as in HetuMoE, Nie et al., arXiv 2203.14685, 2022).

    T = (G - 1)(a1 + S / (G B1)) + (N - 1)(a2 + S / (N B2))

for G ranks per domain on ports B1 and N domains on ports B2 per rank: N + G - 2 messages instead of n - 1, G times
as large between domains, and nothing ever leaves its rail.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Indices, Moves, Phase, Schedule, rounds

OPS = ("all-to-all",)


def two_level(comm: Communicator, op: str) -> Schedule:
    """Shifts inside, then shifts between the domains."""
    domains, local = comm.grid.shape
    inside = [inward(comm, np.array([step])) for step in range(1, local)]
    return (*inside, *(outward(comm, np.array([step])) for step in range(1, domains)))


def inward(comm: Communicator, steps: Indices) -> Phase:
    """Every rank (x, i) to (x, i + step): all it has for that rail."""
    domains, local = comm.grid.shape
    domain, rail = np.divmod(np.arange(comm.size)[:, None], local)
    target = domain * local + (rail + steps) % local

    def moves(_: int) -> Moves:
        transfer = np.arange(target.size).reshape(*target.shape, 1)
        final = np.arange(domains) * local + target[:, :, None] % local
        return Moves.of(transfer, np.arange(comm.size)[:, None, None] * comm.size + final, 1 / comm.size)

    src = np.broadcast_to(comm.ranks[:, None], target.shape)
    return rounds(src, comm.ranks[target], domains / comm.size, moves)


def outward(comm: Communicator, steps: Indices) -> Phase:
    """Every rank (x, j) to (x + step, j): what its whole domain has for that rank."""
    domains, local = comm.grid.shape
    domain, rail = np.divmod(np.arange(comm.size)[:, None], local)
    target = (domain + steps) % domains * local + rail

    def moves(_: int) -> Moves:
        transfer = np.arange(target.size).reshape(*target.shape, 1)
        origin = domain[:, :, None] * local + np.arange(local)
        return Moves.of(transfer, origin * comm.size + target[:, :, None], 1 / comm.size)

    src = np.broadcast_to(comm.ranks[:, None], target.shape)
    return rounds(src, comm.ranks[target], local / comm.size, moves)
