"""One training step in time: pipeline, overlapped gradient and parameter exchange, optimizer.

All GPUs begin together, because the norm of the gradients is one number for all. A stage gathers its parameters
bucket by bucket while it already computes; its first forward waits where a bucket is missing. During its last
backward the gradient buckets are scattered in the order in which they become ready, one after another on one stream;
what has not been sent when computing ends is exposed. Then every stage updates its shard. Under ZeRO-3 every unit is
gathered one unit ahead of its use instead, and its gradients are scattered beside the next unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .durations import Durations, Seconds, silent, step_messages, tied, unit_collects, unit_sums
from .job import Job
from .memory import OPTIMIZER_STATE_BYTES
from .prefetch import Load, backward_s, forward_s
from .roofline import Roofline
from .schedule import TaskOrder, chunk_ends_s, task_order
from .stages import Buckets, Counts, gradient_buckets, stage_kinds, stage_units, unit_parameters
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


@dataclass(frozen=True)
class Loads:
    """Seconds of every chunk, float64[pipelines, chunks, stages], and of one unit of each kind, float64[pipelines,
    stages, kinds]."""

    forward: Seconds
    backward: Seconds
    weights: Seconds
    unit_forward: Seconds
    unit_backward: Seconds


def loads(plan: StepPlan, durations: Durations, slow: Seconds, slowdown: float) -> Loads:
    """Loads on pipelines whose stages compute `slow` (float64[pipelines, stages]) times as long."""

    def unit_s(part: str) -> Seconds:
        return np.stack(
            [
                sum((one.seconds(slow, durations, slowdown) for one in getattr(unit, part)), start=np.zeros_like(slow))
                for unit in plan.timed
            ],
            axis=2,
        )

    forward, backward, weights = (unit_s(part) for part in ("forward", "backward", "weights"))
    chunk = [np.einsum("vpu,rpu->rvp", plan.held, each) for each in (forward, backward, weights)]
    if plan.job.zero == 3:
        chunk[:2] = _prefetched(plan, durations, forward, backward, slowdown)
    return Loads(chunk[0], chunk[1], chunk[2], forward, backward + weights)


def _prefetched(
    plan: StepPlan, durations: Durations, forward: Seconds, backward: Seconds, slowdown: float
) -> list[Seconds]:
    """Forward and backward of every chunk when parameters are gathered unit by unit."""
    job = plan.job
    collect = [durations.seconds(unit_collects(job, unit)) for unit in plan.units.kinds]
    scatter = [durations.seconds(unit_sums(job, unit)) for unit in plan.units.kinds]
    both = [np.empty((len(forward), job.vp, job.pp)) for _ in range(2)]
    for chunk, row in enumerate(stage_kinds(job)):
        for stage, kinds in enumerate(row):
            for times, passes, chunk_s in zip((forward, backward), (forward_s, backward_s), both, strict=True):
                walk = [Load(times[:, stage, kind], collect[kind], scatter[kind]) for kind in kinds]
                chunk_s[:, chunk, stage] = passes(walk, job.overlap, slowdown)
    return both


def balanced_step_s(plan: StepPlan, slowness: Seconds) -> float:
    """The step on an infinitely fast network when every chunk has the mean load.

    `slowness` float64[replicas, stages] multiplies compute time.
    """
    slow = np.unique(slowness, axis=0)
    alone = loads(plan, plan.silent, np.ones((1, plan.job.pp)), 0.0)
    shape = (len(slow), plan.job.vp, plan.job.pp)
    forward, backward, weights = (
        np.broadcast_to(each.mean() * slow[:, None, :], shape)
        for each in (alone.forward, alone.backward, alone.weights)
    )
    free = np.zeros_like(slow)
    ends = chunk_ends_s(plan.order, forward, backward, weights, free, free, np.zeros(shape))
    return float(ends.max() + plan.optimizer_s.mean() * slow.max())


@dataclass(frozen=True)
class StepTimes:
    """When things happen in a step, on the pipelines that are unlike.

    `gates_s` float64[pipelines, chunks, stages] is the earliest end of each chunk's first forward; `ends_s`, of the
    same shape, the end of its last task; `collected_s` and `summed_s` float64[buckets] when their messages are
    through; `computed_s` when the optimizer begins, `total_s` when it ends.
    """

    loads: Loads
    hop_s: Seconds
    back_s: Seconds
    gates_s: Seconds
    ends_s: Seconds
    collected_s: Seconds
    summed_s: Seconds
    computed_s: float
    total_s: float


def step_s(plan: StepPlan, durations: Durations, slowness: Seconds, slowdown: float = 0.0) -> float:
    """Seconds of the step with its own loads and these durations of its communication, which slows computing beside
    it by `slowdown`; hosts' stalls come on top."""
    return step_times(plan, durations, slowness, slowdown).total_s + plan.stalled_s


def step_times(plan: StepPlan, durations: Durations, slowness: Seconds, slowdown: float = 0.0) -> StepTimes:
    """The step in time; replicas that are alike are run once."""
    alike = np.unique(np.hstack((slowness, durations.hop_s, durations.back_s)), axis=0)
    slow, hop, back = np.hsplit(alike, 3)
    each = loads(plan, durations, slow, slowdown)
    collected = _collected_s(plan, durations)
    gates = _gates_s(plan, collected, each.unit_forward)
    ends = chunk_ends_s(plan.order, each.forward, each.backward, each.weights, hop, back, gates)
    summed = _summed_s(plan, durations, ends, each.unit_backward, slowdown)
    computed = max(ends.max(), summed.max(initial=0.0)) + durations.seconds(tied(plan.job, plan.units))
    total = float(computed + (plan.optimizer_s * slow).max())
    return StepTimes(each, hop, back, gates, ends, collected, summed, float(computed), total)


def _collected_s(plan: StepPlan, durations: Durations) -> Seconds:
    """When each bucket's parameters are there: in forward order from time 0."""
    took = np.array([durations.seconds(messages) for messages in plan.buckets.collects])
    return _serve_s(plan.buckets.stage, np.zeros(len(took)), took)


def _summed_s(plan: StepPlan, durations: Durations, ends: Seconds, unit_backward: Seconds, slowdown: float) -> Seconds:
    """When each bucket's gradients are summed: one after another, as they become ready; what is sent beside the last
    backward slows it."""
    buckets = plan.buckets
    computed = ends.max(axis=(0, 1))[buckets.stage]
    ready = _gradients_ready_s(plan, ends, unit_backward) if plan.job.overlap else computed
    sent = np.array([durations.seconds(messages) for messages in buckets.sums])
    done = _serve_s(buckets.stage, ready, sent)
    beside = np.clip(computed - (done - sent), 0.0, sent)
    slowed = np.bincount(buckets.stage, weights=beside, minlength=plan.job.pp)
    return np.asarray(done + slowdown * slowed[buckets.stage])


def _gates_s(plan: StepPlan, collected: Seconds, unit_forward: Seconds) -> Seconds:
    """Earliest end of each chunk's first forward, float64[pipelines, chunks, stages], by its parameters' arrival."""
    buckets, job = plan.buckets, plan.job
    gates = np.zeros((job.vp * job.pp, len(unit_forward)))
    if not job.overlap:
        last = np.zeros(job.pp)
        np.maximum.at(last, buckets.stage, collected)
        collected = last[buckets.stage]
    ends = collected + np.einsum("bu,rbu->rb", buckets.rest, unit_forward[:, buckets.stage])
    np.maximum.at(gates, buckets.chunk * job.pp + buckets.stage, ends.T)
    return gates.T.reshape(-1, job.vp, job.pp)


def _gradients_ready_s(plan: StepPlan, ends: Seconds, unit_backward: Seconds) -> Seconds:
    """When the slowest replica has each bucket's gradients."""
    buckets = plan.buckets
    after = plan.held[buckets.chunk, buckets.stage] - buckets.rest
    ready = ends[:, buckets.chunk, buckets.stage] - np.einsum("bu,rbu->rb", after, unit_backward[:, buckets.stage])
    return ready.max(axis=0)


def _serve_s(stream: Counts, ready: Seconds, duration: Seconds) -> Seconds:
    """When each item is through: every stream serves its items one at a time, first ready first."""
    done = np.empty(len(ready))
    free: dict[int, float] = {}
    for item in np.lexsort((ready, stream)):
        begin = max(free.get(stream[item], 0.0), ready[item])
        done[item] = free[stream[item]] = begin + duration[item]
    return done
