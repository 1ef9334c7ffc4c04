"""When things happen in a step."""

from __future__ import annotations

from dataclasses import dataclass

from .durations import Durations, Seconds
from .schedule import TaskRun, TaskTimes, Windows


@dataclass(frozen=True)
class BucketSeconds:
    """How long each bucket's messages take, float64[buckets], alone and beside what their stage computes and sends."""

    alone: Seconds
    beside: Seconds


@dataclass(frozen=True)
class Pace:
    """How long the communication of a step takes where kinds of it meet: while no bucket is exchanged (`clear`), and
    while buckets of parameters (`gathering`) or of gradients (`summing`) are, which is in `windows`.

    Of buckets, `collects` and `sums`, those beside something hold until `until_s`, float64[stages], while the stage
    computes and sends.
    """

    clear: Durations
    gathering: Durations
    summing: Durations
    collects: BucketSeconds
    sums: BucketSeconds
    until_s: Seconds
    windows: Windows


@dataclass(frozen=True)
class Exchange:
    """When each bucket's messages begin and are through, float64[buckets]."""

    begun_s: Seconds
    done_s: Seconds


@dataclass(frozen=True)
class StepTimes:
    """When things happen in a step, on the pipelines that are unlike.

    `tasks` are the durations while no bucket is exchanged, `beside` those beside one, run as `ran`; `gates_s`
    float64[pipelines, chunks, stages] is the earliest end of each chunk's first forward. `computed_s` is when the
    optimizer begins, `total_s` when it ends.
    """

    pace: Pace
    tasks: TaskTimes
    beside: TaskTimes
    gates_s: Seconds
    ran: TaskRun
    collected: Exchange
    summed: Exchange
    computed_s: float
    total_s: float

    @property
    def ends_s(self) -> Seconds:
        """The end of each chunk's last task, float64[pipelines, chunks, stages]."""
        return self.ran.ends_s
