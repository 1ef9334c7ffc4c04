"""Rail-aligned all-to-all (PXN, "PCI x NVLink": NVIDIA's developer blog on NCCL 2.12, 2022): a message goes over NVLink
to the rank of its domain on the destination's rail, whose NIC sends it, with all others of the domain for the same
destination in one.

    T = a1 + a2 + max((G - 1)/G S / B1, (N - 1)/N S / B2)

for G ranks per domain on ports B1, N domains on ports B2 per rank, all in flight; G messages per pair of domains
instead of G^2, and no spine is crossed where rails have switches of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Schedule, rounds
from .two_level import inward, outward

OPS = ("all-to-all",)


def rail_aligned(comm: Communicator, op: str) -> Schedule:
    """The two levels at once, each block first inside, then along its rail."""
    domains, local = comm.grid.shape
    inside, between = inward(comm, np.arange(1, local)), outward(comm, np.arange(1, domains))

    def moves(_: int) -> Moves:
        later = between.moves(0)
        later = replace(later, transfer=later.transfer + len(inside.src), stage=np.ones_like(later.stage))
        return Moves.joined((inside.moves(0), later))

    return (
        rounds(
            np.concatenate((inside.src, between.src)),
            np.concatenate((inside.dst, between.dst)),
            np.concatenate((inside.fraction, between.fraction)),
            moves,
            steps=(domains > 1) + (local > 1),
        ),
    )
