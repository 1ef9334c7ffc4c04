"""How long each operation of a step takes on a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .calls import Call, Groups, Ranks, activation_bytes, hop_bytes, loss_bytes, step_calls
from .job import Job
from .stages import Buckets
from .units import GRADIENT_BYTES, PARAMETER_BYTES, Units

Seconds = npt.NDArray[np.float64]


class Wires(Protocol):
    """What carries a step's communication: groups of ranks (one per row) run one operation at once, pairs of ranks send
    at once."""

    def collective_s(self, op: str, groups: Ranks, size_bytes: int) -> float:
        """Time until every group is through; the size as nccl-tests counts it."""

    def send_s(self, source: Ranks, target: Ranks, size_bytes: int) -> Seconds:
        """Time of each of these transfers."""


@dataclass(frozen=True)
class Durations:
    """Seconds of each call of a step.

    `hop_s[replica, stage]` takes activations from a stage to the next, `back_s` gradients to the one before;
    `bucket_*_s` follow the buckets' order.
    """

    gather_s: float
    scatter_s: float
    reduce_s: float
    hop_s: Seconds
    back_s: Seconds
    tie_s: float
    bucket_scatter_s: Seconds
    bucket_gather_s: Seconds

    def only(self, dimensions: Sequence[str]) -> Durations:
        """The same step with every other dimension's communication free."""
        kept = self
        if "tp" not in dimensions:
            kept = replace(kept, gather_s=0.0, scatter_s=0.0, reduce_s=0.0)
        if "pp" not in dimensions:
            kept = replace(kept, hop_s=0 * self.hop_s, back_s=0 * self.back_s, tie_s=0.0)
        if "dp" not in dimensions:
            kept = replace(kept, bucket_scatter_s=0 * self.bucket_scatter_s, bucket_gather_s=0 * self.bucket_gather_s)
        return kept


def silent(job: Job, buckets: Buckets) -> Durations:
    """Every call free: the infinitely fast network."""
    hops, each_bucket = np.zeros((job.dp, job.pp)), np.zeros(len(buckets))
    return Durations(0.0, 0.0, 0.0, hops, hops, 0.0, each_bucket, each_bucket)


def measure(job: Job, units: Units, buckets: Buckets, wires: Wires) -> Durations:
    """Durations on `wires`: each kind of call is run once, by all its groups at the same time."""
    groups = Groups(job)
    free = silent(job, buckets)
    if job.tp > 1:
        free = replace(
            free,
            gather_s=wires.collective_s("all-gather", groups.tensor, activation_bytes(job)),
            scatter_s=wires.collective_s("reduce-scatter", groups.tensor, activation_bytes(job)),
            reduce_s=wires.collective_s("all-reduce", groups.tensor, loss_bytes(job)),
        )
    if job.pp > 1:
        free = replace(free, hop_s=_hops_s(job, wires, 1), back_s=_hops_s(job, wires, -1))
        if job.model.tied_embeddings:
            size = units.embedding.parameters * GRADIENT_BYTES
            free = replace(free, tie_s=wires.collective_s("all-reduce", groups.ends, size))
    if job.dp > 1:
        sizes, which = np.unique(buckets.parameters, return_inverse=True)
        scatter = [wires.collective_s("reduce-scatter", groups.data, int(size) * GRADIENT_BYTES) for size in sizes]
        gather = [wires.collective_s("all-gather", groups.data, int(size) * PARAMETER_BYTES) for size in sizes]
        free = replace(free, bucket_scatter_s=np.array(scatter)[which], bucket_gather_s=np.array(gather)[which])
    return free


def _hops_s(job: Job, wires: Wires, step: int) -> Seconds:
    """Seconds from each stage to the one `step` further, float64[replicas, stages]; the slowest tensor rank governs."""
    groups = Groups(job)
    source, target = groups.hops(step)
    took = wires.send_s(source.ravel(), target.ravel(), hop_bytes(job)).reshape(source.shape)
    hops = np.zeros((job.dp, job.pp))
    hops[:, groups.senders(step)] = took.max(axis=2).T
    return hops


@dataclass(frozen=True)
class CallRow:
    """A call as reported: `wire_bytes_per_gpu` is what the mean GPU sends per step, `time_us` the time of one call."""

    op: str
    dimension: str
    ranks: int
    size_bytes: int
    count: int
    wire_bytes_per_gpu: float
    time_us: float


def call_rows(job: Job, units: Units, buckets: Buckets, durations: Durations) -> tuple[CallRow, ...]:
    """Every operation of the step with its volume and time."""
    return tuple(
        CallRow(
            *(call.op, call.dimension, call.ranks, call.size_bytes, call.count),
            wire_bytes_per_gpu=call.wire_bytes / job.gpus,
            time_us=1e6 * _time_s(call, buckets, durations),
        )
        for call in step_calls(job, units, buckets)
    )


def _time_s(call: Call, buckets: Buckets, durations: Durations) -> float:
    if call.dimension == "tp":
        return {
            "all-gather": durations.gather_s,
            "reduce-scatter": durations.scatter_s,
            "all-reduce": durations.reduce_s,
        }[call.op]
    if call.dimension == "pp":
        return durations.tie_s if call.op == "all-reduce" else float(max(durations.hop_s.max(), durations.back_s.max()))
    scatters = call.op == "reduce-scatter"
    bucket = int(np.argmax(buckets.parameters * (GRADIENT_BYTES if scatters else PARAMETER_BYTES) == call.size_bytes))
    return float((durations.bucket_scatter_s if scatters else durations.bucket_gather_s)[bucket])
