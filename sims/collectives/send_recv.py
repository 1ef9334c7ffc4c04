"""Send and receive as nccl-tests does: every rank sends S to the next and receives S from the one before.

T = alpha + S / B, the least that a port of bandwidth B allows.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .schedule import Moves, Schedule, rounds

OPS = ("send-recv",)


def send_recv(comm: Communicator, op: str) -> Schedule:
    everyone = np.arange(comm.size)
    return (rounds(comm.ranks, np.roll(comm.ranks, -1), 1.0, lambda _: Moves.of(everyone, everyone, 1.0)),)
