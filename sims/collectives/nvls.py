"""All-reduce by the NVSwitches of one domain (NVLink SHARP, "NVLS" in NCCL), from NVIDIA's Hopper on.

Each rank owns 1/n of the data: it reads the sum of its part from the switches, which fetch it from every rank, and
writes it back as a multicast. A link carries S + S/n each way, so the algorithm bandwidth is proportional to n / (n +
1); the one constant is the bus bandwidth published for 8 or more ranks. Lower bound: every rank sends S and receives
S.
"""

from __future__ import annotations

import numpy as np

from ...fabric.catalogue import catalogue
from ..transports import SWITCH
from .communicator import Communicator
from .schedule import Floats, Indices, Moves, Ranks, Schedule, rounds

OPS = ("all-reduce",)
CAPABLE = ("hopper", "blackwell")

_PUBLISHED_RANKS = 8


def multicast_unfit(comm: Communicator) -> str:
    """Why the domains' switches cannot reduce, or nothing."""
    if not comm.switched:
        return "there are no NVSwitches between the ranks"
    if comm.tiered:
        return "NVSwitches of two tiers reduce together, of which nothing is published"
    if comm.generation not in CAPABLE:
        return f"NVSwitches reduce from NVIDIA's Hopper on, not with {comm.accelerator or 'these accelerators'}"
    if catalogue().accelerators[comm.accelerator].nvls_busbw_gbps_bytes is None:
        return f"no rate is published for {comm.accelerator}"
    return ""


def unfit(comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    return multicast_unfit(comm) or ("" if comm.domains == 1 else "the ranks span several scale-up domains")


def nvls(comm: Communicator, op: str) -> Schedule:
    """All of S up and down every rank's links at once, drawn out to the published rate."""
    src, dst, fraction = switch_transfers(comm)
    own = np.arange(comm.size)[:, None]
    moves = Moves.joined((reads(own, comm.size, comm.size), writes(own, comm.size, comm.size, 2)))
    return (rounds(src, dst, fraction, lambda _: moves, 1, 2),)


def switch_transfers(comm: Communicator) -> tuple[Ranks, Ranks, Floats]:
    """(src, dst, fraction) of every rank's traffic with its NVSwitches: first up, then down."""
    to_switch = np.full(comm.size, SWITCH, dtype=np.int32)
    src, dst = np.concatenate((comm.ranks, to_switch)), np.concatenate((to_switch, comm.ranks))
    return src, dst, np.full(2 * comm.size, _wire_bytes_per_byte(comm))


def reads(part: Indices, parts: int, n: int) -> Moves:
    """Stages 0 and 1: rank r fetches the sums of its parts, `part[r, :]`, from the switches, which fetch them from
    every rank."""
    ranks = np.arange(n)[:, None]
    return Moves.joined(
        (
            Moves.of(ranks, 0, 1 / parts, np.arange(parts), adds=True),
            Moves.of(n + ranks, 0, 1 / parts, part, stage=1),
        )
    )


def writes(part: Indices, parts: int, n: int, stage: int) -> Moves:
    """From `stage` on: rank r writes its parts to the switches, which write them to every rank."""
    ranks = np.arange(n)[:, None]
    return Moves.joined(
        (
            Moves.of(ranks, 0, 1 / parts, part, stage=stage),
            Moves.of(n + ranks, 0, 1 / parts, np.arange(parts), stage=stage + 1),
        )
    )


def _wire_bytes_per_byte(comm: Communicator) -> float:
    """Bytes on a rank's links per byte of S, in units of a ring's payload: the ring's rate over this algorithm's."""
    accelerator = catalogue().accelerators[comm.accelerator]
    ring, published = accelerator.ring_gbps_bytes, accelerator.nvls_busbw_gbps_bytes
    assert ring is not None  # `unfit` has asked for both
    assert published is not None
    return ring.value / min(_algbw(int(comm.domain_sizes.max()), published.value), _algbw(comm.size, published.value))


def _algbw(n: int, busbw: float) -> float:
    """Algorithm bandwidth of n ranks whose bus bandwidth from 8 ranks on is `busbw`."""
    if n >= _PUBLISHED_RANKS:
        return busbw * n / (2 * (n - 1))
    return _algbw(_PUBLISHED_RANKS, busbw) * (n / (n + 1)) / (_PUBLISHED_RANKS / (_PUBLISHED_RANKS + 1))
