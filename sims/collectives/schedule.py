"""What a collective wants done: phases of transfers, as arrays, with repeats kept as repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import WorkloadError


@dataclass(frozen=True)
class Phase:
    """Transfers that run at once; each of `repeats` rounds begins when the one before has ended.

    Per transfer: `src` and `dst` (ranks, or SWITCH) and `fraction` of the collective's size that it carries in one
    round. `steps` counts the messages that wait for one another, so the latencies paid: the rounds, or the depth of a
    pipeline.
    """

    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    fraction: npt.NDArray[np.float64]
    repeats: int
    steps: int


Schedule = tuple[Phase, ...]
"""Phases one after the other."""


def rounds(src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], fraction: float, repeats: int) -> Phase:
    """A phase of equal transfers whose rounds wait for one another."""
    return Phase(src.ravel(), dst.ravel(), np.full(src.size, fraction), repeats, repeats)


def at_once(schedules: Sequence[Schedule]) -> Schedule:
    """The schedules of several groups as one, phase by phase. Raises WorkloadError unless they have the same
    rounds."""
    shapes = {tuple(phase.repeats for phase in schedule) for schedule in schedules}
    if len(shapes) > 1:
        raise WorkloadError("groups of unlike shape do not run in step", "give groups of one size, or time them apart")
    return tuple(
        Phase(
            np.concatenate([phase.src for phase in phases]),
            np.concatenate([phase.dst for phase in phases]),
            np.concatenate([phase.fraction for phase in phases]),
            phases[0].repeats,
            max(phase.steps for phase in phases),
        )
        for phases in zip(*schedules, strict=True)
    )
