"""A job laid out on its stages and timed on its accelerator, without a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .durations import Durations, Seconds, silent, step_messages
from .job import Job
from .memory import OPTIMIZER_STATE_BYTES
from .roofline import Roofline
from .schedule import TaskOrder, task_order
from .stages import Buckets, Counts, gradient_buckets, stage_units, unit_parameters
from .units import Units, model_units
from .work import PARAMETER_BYTES, Message, Stretch


@dataclass(frozen=True)
class Timed:
    """A stretch with the seconds that its work takes."""

    work_s: float
    before: tuple[Message, ...]
    beside: tuple[Message, ...]

    def seconds(self, slow: Seconds, durations: Durations, slowdown: float) -> Seconds:
        """Its time where computing takes `slow` times as long; what runs beside it slows it by `slowdown`."""
        beside = durations.seconds(self.beside)
        work = self.work_s * slow
        return durations.seconds(self.before) + np.maximum(beside, work + slowdown * beside)


@dataclass(frozen=True)
class TimedUnit:
    """A unit's forward, backward, and the weight gradients that a zero-bubble schedule puts off."""

    forward: tuple[Timed, ...]
    backward: tuple[Timed, ...]
    weights: tuple[Timed, ...]

    @property
    def work_s(self) -> float:
        return sum(timed.work_s for timed in (*self.forward, *self.backward, *self.weights))

    def messages(self, part: str) -> Iterator[Message]:
        """What it sends in its `forward`, `backward` or `weights`."""
        for timed in getattr(self, part):
            yield from (*timed.before, *timed.beside)


@dataclass(frozen=True)
class StepPlan:
    """A job laid out on its stages and timed on its accelerator, without a network.

    `held` int64[chunks, stages, kinds] counts units; `timed` has one entry per kind; `optimizer_s` float64[stages].
    """

    job: Job
    roofline: Roofline
    units: Units
    held: Counts
    buckets: Buckets
    order: TaskOrder
    timed: tuple[TimedUnit, ...]
    optimizer_s: Seconds

    @property
    def messages(self) -> dict[Message, int]:
        """Every collective of the step and its count, as by `step_messages`."""
        return step_messages(self.job, self.units, self.held, self.buckets)

    @property
    def silent(self) -> Durations:
        return silent(self.job, self.messages)

    @property
    def busy_s(self) -> float:
        """Seconds that a GPU computes, mean over the stages."""
        per_micro_batch = self.held.sum(axis=(0, 1)) @ np.array([unit.work_s for unit in self.timed]) / self.job.pp
        return float(self.job.micro_batches * per_micro_batch + self.optimizer_s.mean())

    @property
    def stalled_s(self) -> float:
        """Seconds that all wait for hosts that stall, each for its share of the time that a GPU computes: rarely
        enough never to meet, so they add up over all GPUs."""
        return self.job.stalls * self.job.gpus * self.busy_s


def plan_step(job: Job, roofline: Roofline) -> StepPlan:
    units = model_units(job)
    held = stage_units(job)
    return StepPlan(
        job=job,
        roofline=roofline,
        units=units,
        held=held,
        buckets=gradient_buckets(job, units),
        order=task_order(job.order, job.pp, job.vp, job.micro_batches),
        timed=tuple(_timed(job, unit.forward, unit.backward, roofline) for unit in units.kinds),
        optimizer_s=optimizer_bytes(job, units, held) / roofline.memory_bytes_per_s,
    )


def _timed(job: Job, forward: Sequence[Stretch], backward: Sequence[Stretch], roofline: Roofline) -> TimedUnit:
    def each(stretches: Sequence[Stretch]) -> tuple[Timed, ...]:
        return tuple(Timed(roofline.seconds(one.work), one.before, one.beside) for one in stretches)

    late = [one for one in backward if one.weights] if job.order == "zero-bubble" else []
    return TimedUnit(each(forward), each([one for one in backward if one not in late]), each(late))


def optimizer_bytes(job: Job, units: Units, held: Counts) -> Seconds:
    """Memory traffic of Adam per stage: the gradient read for its norm; gradient and states read; the states and the
    BF16 parameter written."""
    each = 2 * job.gradient_bytes + 2 * OPTIMIZER_STATE_BYTES + PARAMETER_BYTES
    traffic = np.zeros(job.pp)
    for expert, ranks in ((False, job.shard), (True, job.expert_ranks)):
        parameters = held.sum(axis=0) @ unit_parameters(units, expert)
        traffic += each * parameters / (ranks if job.zero >= 1 else 1)
    return traffic
