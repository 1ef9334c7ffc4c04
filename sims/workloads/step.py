"""One training step in time: pipeline, overlapped gradient and parameter exchange, optimizer.

All GPUs begin together, because the norm of the gradients is one number for all. A stage gathers its parameters
bucket by bucket while it already computes; its first forward waits where a bucket is missing. During its last
backward the gradient buckets are scattered in the order in which they become ready, one after another on one stream;
what has not been sent when computing ends is exposed. Then every stage updates its shard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .durations import Durations, Seconds
from .job import Job
from .roofline import Roofline
from .schedule import chunk_ends_s, task_order
from .stages import Buckets, Counts, gradient_buckets, stage_units, unit_parameters
from .units import OPTIMIZER_BYTES, TensorCalls, Units, model_units


@dataclass(frozen=True)
class StepPlan:
    """A job laid out on its stages and timed on its accelerator, without a network.

    `held` int64[chunks, stages, 3] counts units (embedding, layer, head); `forward_s`, `backward_s` float64[3] are
    the seconds of one unit, `windows_s` those that hide its collectives in backward; `optimizer_s` float64[stages].
    """

    job: Job
    units: Units
    held: Counts
    buckets: Buckets
    tasks: Counts
    forward_s: Seconds
    backward_s: Seconds
    windows_s: tuple[tuple[float, ...], ...]
    optimizer_s: Seconds

    @property
    def calls(self) -> tuple[TensorCalls, ...]:
        return (self.units.embedding.calls, self.units.layer.calls, self.units.head.calls)

    @property
    def busy_s(self) -> float:
        """Seconds that a GPU computes, mean over the stages."""
        per_micro_batch = (self.held * (self.forward_s + self.backward_s)).sum() / self.job.pp
        return float(self.job.micro_batches * per_micro_batch + self.optimizer_s.mean())


def plan_step(job: Job, roofline: Roofline) -> StepPlan:
    units = model_units(job)
    held = stage_units(job)
    kinds = (units.embedding, units.layer, units.head)
    per_stage = held.sum(axis=0) @ unit_parameters(units)
    optimizer_bytes = OPTIMIZER_BYTES * per_stage / job.dp
    return StepPlan(
        job=job,
        units=units,
        held=held,
        buckets=gradient_buckets(job, units, held),
        tasks=task_order(job.order, job.pp, job.vp, job.micro_batches),
        forward_s=np.array([roofline.seconds(kind.forward) for kind in kinds]),
        backward_s=np.array([roofline.seconds(kind.backward) for kind in kinds]),
        windows_s=tuple(tuple(roofline.seconds(window) for window in kind.calls.windows) for kind in kinds),
        optimizer_s=optimizer_bytes / roofline.memory_bytes_per_s,
    )


def balanced_step_s(plan: StepPlan, slowness: Seconds) -> float:
    """The step on an infinitely fast network when every chunk has the mean load.

    `slowness` float64[replicas, stages] multiplies compute time.
    """
    slow = np.unique(slowness, axis=0)
    chunks = plan.job.vp * plan.job.pp
    ones = np.ones((len(slow), plan.job.vp, plan.job.pp))
    forward = ones * slow[:, None, :] * (plan.held * plan.forward_s).sum() / chunks
    backward = ones * slow[:, None, :] * (plan.held * plan.backward_s).sum() / chunks
    free = np.zeros_like(slow)
    ends = chunk_ends_s(plan.tasks, forward, backward, free, free, 0 * ones)
    return float(ends.max() + plan.optimizer_s.mean() * slow.max())


def step_s(plan: StepPlan, durations: Durations, slowness: Seconds) -> float:
    """The step with its own loads and these durations of its communication; replicas that are alike are run once."""
    alike = np.unique(np.hstack((slowness, durations.hop_s, durations.back_s)), axis=0)
    slow, hop, back = np.hsplit(alike, 3)
    forward = slow[:, :, None] * plan.forward_s + _exposed_forward_s(plan, durations)
    backward = slow[:, :, None] * plan.backward_s + _exposed_backward_s(plan, durations)
    ends = chunk_ends_s(
        plan.tasks,
        np.einsum("vpu,rpu->rvp", plan.held, forward),
        np.einsum("vpu,rpu->rvp", plan.held, backward),
        hop,
        back,
        _gates_s(plan, durations, forward),
    )
    scattered = _serve_s(plan.buckets.stage, _gradients_ready_s(plan, ends, backward), durations.bucket_scatter_s)
    updated = (plan.optimizer_s * slow).max()
    return float(scattered.max() + durations.tie_s + updated)


def _exposed_forward_s(plan: StepPlan, durations: Durations) -> Seconds:
    """Seconds of tensor-parallel collectives on the critical path of each kind of unit."""
    return np.array(
        [
            calls.forward_gathers * durations.gather_s
            + calls.forward_scatters * durations.scatter_s
            + calls.reduces * durations.reduce_s
            for calls in plan.calls
        ]
    )


def _exposed_backward_s(plan: StepPlan, durations: Durations) -> Seconds:
    """As forward, plus what of the hidden gathers and scatters outlasts the product that hides it."""
    return np.array(
        [
            calls.backward_gathers * durations.gather_s
            + sum(max(0.0, durations.gather_s - window) + max(0.0, durations.scatter_s - window) for window in windows)
            for calls, windows in zip(plan.calls, plan.windows_s, strict=True)
        ]
    )


def _gates_s(plan: StepPlan, durations: Durations, forward: Seconds) -> Seconds:
    """Earliest end of each chunk's first forward, float64[pipelines, chunks, stages]: parameters arrive in forward
    order from time 0.
    """
    buckets = plan.buckets
    arrived = _serve_s(buckets.stage, np.zeros(len(buckets)), durations.bucket_gather_s)
    ends = arrived + np.einsum("bu,rbu->rb", buckets.rest, forward[:, buckets.stage])
    gates = np.zeros((plan.job.vp * plan.job.pp, len(forward)))
    np.maximum.at(gates, buckets.chunk * plan.job.pp + buckets.stage, ends.T)
    return gates.T.reshape(-1, plan.job.vp, plan.job.pp)


def _gradients_ready_s(plan: StepPlan, ends: Seconds, backward: Seconds) -> Seconds:
    """When the slowest replica has each bucket's gradients."""
    buckets = plan.buckets
    after = plan.held[buckets.chunk, buckets.stage] - buckets.rest
    ready = ends[:, buckets.chunk, buckets.stage] - np.einsum("bu,rbu->rb", after, backward[:, buckets.stage])
    return ready.max(axis=0)


def _serve_s(stream: Counts, ready: Seconds, duration: Seconds) -> Seconds:
    """When each item is through: every stream serves its items one at a time, first ready first."""
    done = np.empty(len(ready))
    free: dict[int, float] = {}
    for item in np.lexsort((ready, stream)):
        begin = max(free.get(stream[item], 0.0), ready[item])
        done[item] = free[stream[item]] = begin + duration[item]
    return done
