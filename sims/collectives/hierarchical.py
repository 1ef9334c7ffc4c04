"""Hierarchical rail-wise all-reduce: reduce-scatter inside every domain, a ring all-reduce of S/G on every rail,
all-gather inside (the two-level scheme of BlueConnect, Cho et al., IBM J. Res. Dev. 63, 2019).

With G ranks per domain on ports B1 and N domains joined by ports B2 per rank

    T = 2(G - 1)(a1 + S / (G B1)) + 2(N - 1)(a2 + S / (G N B2))

the three stages one after the other; bytes per rank are 2(n - 1)/n S in all, the lower bound.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Schedule, rounds

OPS = ("all-reduce",)


def unfit(comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    return "" if comm.equal_domains else "the scale-up domains hold different numbers of ranks"


def hierarchical(comm: Communicator, op: str) -> Schedule:
    """Three stages; one without work is left out."""
    grid = comm.grid
    domains, local = grid.shape
    inside = rounds(grid, np.roll(grid, -1, axis=1), 1 / local, local - 1)
    rails = rounds(grid, np.roll(grid, -1, axis=0), 1 / (local * domains), 2 * (domains - 1))
    return tuple(stage for stage in (inside, rails, inside) if stage.repeats)
