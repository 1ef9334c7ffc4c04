"""Hierarchical all-reduce, reduce-scatter and all-gather: inside every domain, and on every rail (the two-level scheme
of BlueConnect, Cho et al., IBM J. Res. Dev. 63, 2019).

All-reduce is reduce-scatter inside every domain, a ring all-reduce of S/G on every rail, all-gather inside. With G
ranks per domain on ports B1 and N domains joined by ports B2 per rank

    T = 2(G - 1)(a1 + S / (G B1)) + 2(N - 1)(a2 + S / (G N B2))

the three stages one after the other, and half of it for the other two; bytes per rank are 2(n - 1)/n S in all, the
lower bound.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .ring import ring_phase
from .schedule import Indices, Phase, Schedule

OPS = ("all-reduce", "reduce-scatter", "all-gather")


def unfit(comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    return "" if comm.equal_domains else "the scale-up domains hold different numbers of ranks"


def hierarchical(comm: Communicator, op: str) -> Schedule:
    """One stage per level; one without work is left out."""
    domains, local = comm.grid.shape
    within, across = local > 1, domains > 1
    scatter = [inside(comm, op, adding=True)] * within
    gather = [inside(comm, op, adding=False)] * within
    rails = [_rails(comm, op)] * across
    stages = {"all-reduce": scatter + rails + gather, "reduce-scatter": scatter + rails, "all-gather": rails + gather}
    return tuple(stages[op])


def inside(comm: Communicator, op: str, adding: bool) -> Phase:
    """A ring in every domain over what belongs to each of its ranks: the data of one rail."""
    domains, local = comm.grid.shape
    orders = np.arange(comm.size).reshape(domains, local)
    rail, domain = np.arange(local), np.arange(domains)
    if adding:
        rail = np.roll(rail, 1)

    def pieces() -> tuple[Indices, Indices]:
        return _pieces(comm, op, np.broadcast_to(rail[None, :, None], (domains, local, domains)), domain)

    return ring_phase(comm, orders, pieces, 1 / local, (local - 1) * adding, local - 1)


def _rails(comm: Communicator, op: str) -> Phase:
    """A ring on every rail."""
    domains, local = comm.grid.shape
    orders = np.arange(comm.size).reshape(domains, local).T
    rail = np.broadcast_to(np.arange(local)[:, None, None], (local, domains, 1))
    domain = np.arange(domains) if op != "reduce-scatter" else np.roll(np.arange(domains), 1)
    pieces = _pieces(comm, op, rail, domain[:, None])
    passes, adding = 2 if op == "all-reduce" else 1, 0 if op == "all-gather" else domains - 1
    return ring_phase(comm, orders, lambda: pieces, 1 / comm.size, adding, passes * (domains - 1))


def _pieces(comm: Communicator, op: str, rail: Indices, domain: Indices) -> tuple[Indices, Indices]:
    """(block, part) of the data of the rank that is `rail` in `domain`."""
    number = domain * comm.grid.shape[1] + rail
    return (np.zeros_like(number), number) if op == "all-reduce" else (number, np.zeros_like(number))
