"""Orders of ranks that are all cabled to each other, such that together they use every cable alike in both directions.

Zigzags 0, 1, -1, 2, -2, ... modulo n, turned by every rank, are Hamiltonian paths that use each directed cable of an
even number of ranks once (Walecki's decomposition; Lucas, Recreations mathematiques 2, 1883). Closed over a hub that
stays in its place they are cycles, which with their reverses use each directed cable twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def zigzag(step: Indices) -> Indices:
    """0, 1, -1, 2, -2, ... for steps 0, 1, 2, ..."""
    return (step + 1) // 2 * np.where(step % 2 == 1, 1, -1)


def mesh_cycles(n: int) -> Indices:
    """2(n - 1) orders [cycle, place] of n ranks, each closed to a ring."""
    turns = np.arange(n - 1)[:, None]
    around = (turns + zigzag(np.arange(n - 1))) % (n - 1)
    cycles = np.concatenate((np.full((n - 1, 1), n - 1), around), axis=1)
    return np.concatenate((cycles, cycles[:, ::-1]))
