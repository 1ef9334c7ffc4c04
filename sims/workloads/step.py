"""One training step in time: pipeline, overlapped gradient and parameter exchange, optimizer.

All GPUs begin together, because the norm of the gradients is one number for all. A stage gathers its parameters
bucket by bucket while it already computes; its first forward waits where a bucket is missing. During its last
backward the gradient buckets are scattered in the order in which they become ready, one after another on one stream;
what has not been sent when computing ends is exposed. Then every stage updates its shard. Under ZeRO-3 every unit is
gathered one unit ahead of its use instead, and its gradients are scattered beside the next unit.

Kinds of communication that meet on links slow each other (see `meeting`): the step is run again with the pace that
follows from what met, until that no longer changes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ._pipeline_kernels import through, through_each
from .durations import Durations, Seconds, tied
from .loads import loads
from .meeting import Meeting, lone_pace
from .plan import StepPlan
from .schedule import TaskRun, TaskTimes, chunk_ends_s, run_tasks
from .stages import Counts
from .times import BucketSeconds, Exchange, Pace, StepTimes

_MOST_ROUNDS = 50
_TOLERANCE = 1e-10
"""Of the step, by which no time changes any more."""


def step_s(plan: StepPlan, durations: Durations, slowness: Seconds, slowdown: float = 0.0) -> float:
    """Seconds of the step with its own loads and these durations of its communication, which slows computing beside
    it by `slowdown`; hosts' stalls come on top."""
    return step_times(plan, durations, slowness, slowdown).total_s + plan.stalled_s


def step_times(plan: StepPlan, durations: Durations, slowness: Seconds, slowdown: float = 0.0) -> StepTimes:
    """The step in time, `slowness` float64[replicas, stages] multiplying compute time; replicas that are alike are run
    once."""
    looks = np.hstack((slowness, durations.hop_s, durations.back_s))
    alike = np.unique(looks, axis=0, return_index=True)[1]
    durations = replace(durations, hop_s=durations.hop_s[alike], back_s=durations.back_s[alike])
    run = partial(_run, plan, slow=slowness[alike], slowdown=slowdown)
    times = run(lone_pace(plan, durations, len(alike)))
    if durations.sharing.idle:
        return times
    meeting = Meeting.of(plan, durations)
    for _ in range(_MOST_ROUNDS):
        before, times = times, run(meeting.pace(times))
        if _same(before, times):
            break
    return times


def _same(before: StepTimes, times: StepTimes) -> bool:
    moved_s = abs(before.total_s - times.total_s), np.abs(before.ends_s - times.ends_s).max()
    return bool(max(moved_s) <= _TOLERANCE * times.total_s)


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
    ends = chunk_ends_s(plan.order, TaskTimes(forward, backward, weights, free, free), np.zeros(shape))
    return float(ends.max() + plan.optimizer_s.mean() * slow.max())


def _run(plan: StepPlan, pace: Pace, slow: Seconds, slowdown: float) -> StepTimes:
    """The step at a given pace of its communication, `slow` float64[pipelines, stages] multiplying compute time."""
    clear = loads(plan, pace.clear, slow, slowdown)
    gathering, summing = (
        clear if other.messages == pace.clear.messages else loads(plan, other, slow, slowdown)
        for other in (pace.gathering, pace.summing)
    )
    tasks = TaskTimes(clear.forward, clear.backward, clear.weights, pace.clear.hop_s, pace.clear.back_s)
    hops = pace.gathering.hop_s, pace.summing.back_s
    beside = TaskTimes(gathering.forward, summing.backward, summing.weights, *hops)
    collected = _serve(plan.buckets.stage, np.zeros(len(plan.buckets)), pace.collects, pace.until_s)
    gates = _gates_s(plan, pace, collected.done_s, clear.unit_forward, gathering.unit_forward)
    ran = run_tasks(plan.order, tasks, beside, pace.windows, gates)
    ready = _gradients_ready_s(plan, pace, ran, clear.unit_backward, summing.unit_backward)
    summed = _summed(plan, pace, ready, ran.ends_s.max(axis=(0, 1)), slowdown)
    computed = max(ran.ends_s.max(), summed.done_s.max(initial=0.0)) + pace.clear.seconds(tied(plan.job, plan.units))
    total = float(computed + (plan.optimizer_s * slow).max())
    return StepTimes(pace, tasks, beside, gates, ran, collected, summed, float(computed), total)


def _gates_s(plan: StepPlan, pace: Pace, collected: Seconds, alone: Seconds, beside: Seconds) -> Seconds:
    """Earliest end of each chunk's first forward, float64[pipelines, chunks, stages], by its parameters' arrival; a
    unit's forward takes `alone`, or `beside` a gathering of parameters (float64[pipelines, stages, kinds])."""
    buckets, job = plan.buckets, plan.job
    gates = np.zeros((len(alone), job.vp, job.pp))
    if not job.overlap:
        last = np.zeros(job.pp)
        np.maximum.at(last, buckets.stage, collected)
        collected = last[buckets.stage]
    for pipeline in range(len(alone)):
        rest = [(buckets.rest * each[pipeline, buckets.stage]).sum(axis=1) for each in (alone, beside)]
        ends = through_each(collected, *rest, pace.windows.gathers, buckets.stage)
        np.maximum.at(gates[pipeline], (buckets.chunk, buckets.stage), ends)
    return gates


def _gradients_ready_s(plan: StepPlan, pace: Pace, ran: TaskRun, alone: Seconds, beside: Seconds) -> Seconds:
    """When the slowest replica has each bucket's gradients: what its chunk computes after them takes until its end."""
    buckets = plan.buckets
    if not plan.job.overlap:
        return np.asarray(ran.ends_s.max(axis=(0, 1))[buckets.stage])
    after = plan.held[buckets.chunk, buckets.stage] - buckets.rest
    ready = np.full(len(buckets), -np.inf)
    for pipeline, windows in enumerate(pace.windows.opened(ran.last_s)):
        left = [(after * each[pipeline, buckets.stage]).sum(axis=1) for each in (alone, beside)]
        end = ran.ends_s[pipeline, buckets.chunk, buckets.stage]
        ready = np.maximum(ready, -through_each(-end, *left, -windows[:, :, ::-1], buckets.stage))
    return ready


def _summed(plan: StepPlan, pace: Pace, ready: Seconds, ended: Seconds, slowdown: float) -> Exchange:
    """When each bucket's gradients are summed: one after another, as they become ready; what is sent beside the last
    backward, until a stage has `ended`, slows it."""
    stage = plan.buckets.stage
    sent = _serve(stage, ready, pace.sums, pace.until_s)
    beside = np.clip(ended[stage] - sent.begun_s, 0.0, sent.done_s - sent.begun_s)
    slowed = slowdown * np.bincount(stage, weights=beside, minlength=plan.job.pp)[stage]
    return Exchange(sent.begun_s + slowed, sent.done_s + slowed)


def _serve(stream: Counts, ready: Seconds, took: BucketSeconds, until_s: Seconds) -> Exchange:
    """When each item begins and is through: every stream serves its items one at a time, first ready first; until its
    stage is done, as fast as `beside`."""
    begun, done = np.empty(len(ready)), np.empty(len(ready))
    free: dict[int, float] = {}
    for item in np.lexsort((ready, stream)):
        own = int(stream[item])
        begun[item] = max(free.get(own, 0.0), ready[item])
        busy = np.array([[0.0, until_s[own]]])
        done[item] = free[own] = through(begun[item], took.alone[item], took.beside[item], busy, busy)
    return Exchange(begun, done)
