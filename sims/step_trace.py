"""A step as a trace for Perfetto (Trace Event Format): one process per pipeline stage, its tasks on the compute track,
its gradient and parameter exchange on the communication track."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..fabric.files import replacing
from .workloads.durations import Durations, Seconds
from .workloads.schedule import BACKWARD, FORWARD, chunk_ends_s
from .workloads.step import StepPlan, StepTimes, step_times

COMPUTE, COMMUNICATION = 0, 1
NAMES = {FORWARD: "forward", BACKWARD: "backward"}


def write_trace(path: str | Path, plan: StepPlan, durations: Durations, slowness: Seconds) -> None:
    """Write the step of the slowest replica. Raises InputError when the file cannot be written."""
    times = step_times(plan, durations, slowness, plan.job.slowdown)
    events = [*_tracks(plan), *_tasks(plan, times), *_exchanges(plan, durations, times), *_updates(plan, times)]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"traceEvents": events}, indent=None), encoding="utf-8")


def _slice(name: str, stage: int, track: int, begin_s: float, end_s: float) -> dict[str, Any]:
    return {
        **{"ph": "X", "pid": stage, "tid": track, "name": name},
        **{"ts": 1e6 * begin_s, "dur": 1e6 * (end_s - begin_s)},
    }


def _tracks(plan: StepPlan) -> Iterator[dict[str, Any]]:
    for stage in range(plan.job.pp):
        yield {"ph": "M", "pid": stage, "name": "process_name", "args": {"name": f"stage {stage}"}}
        for track, name in ((COMPUTE, "compute"), (COMMUNICATION, "gradients and parameters")):
            yield {"ph": "M", "pid": stage, "tid": track, "name": "thread_name", "args": {"name": name}}


def _tasks(plan: StepPlan, times: StepTimes) -> Iterator[dict[str, Any]]:
    order, each = plan.order, times.loads
    slowest = int(np.argmax(times.ends_s.max(axis=(1, 2))))
    begun = np.empty((len(times.ends_s), *order.tasks.shape))
    chunk_ends_s(order, each.forward, each.backward, each.weights, times.hop_s, times.back_s, times.gates_s, begun)
    for stage, place in np.ndindex(order.tasks.shape):
        kind, chunk = int(order.kind[stage, place]), int(order.chunk[stage, place])
        begin = float(begun[slowest, stage, place])
        took = (each.forward, each.backward, each.weights)[kind][slowest, chunk, stage]
        gate = times.gates_s[slowest, chunk, stage] if kind == FORWARD and order.batch[stage, place] == 0 else 0.0
        name = f"{NAMES.get(kind, 'weights')} {order.batch[stage, place]}, chunk {chunk}"
        yield _slice(name, stage, COMPUTE, begin, max(begin + float(took), float(gate)))


def _exchanges(plan: StepPlan, durations: Durations, times: StepTimes) -> Iterator[dict[str, Any]]:
    for what, messages, done_s in (
        ("gather", plan.buckets.collects, times.collected_s),
        ("sum", plan.buckets.sums, times.summed_s),
    ):
        for bucket, (sent, end) in enumerate(zip(messages, done_s.tolist(), strict=True)):
            took = durations.seconds(sent)
            if took:
                stage = int(plan.buckets.stage[bucket])
                yield _slice(f"{what} bucket {bucket}", stage, COMMUNICATION, end - took, end)


def _updates(plan: StepPlan, times: StepTimes) -> Iterator[dict[str, Any]]:
    for stage, took in enumerate(plan.optimizer_s.tolist()):
        yield _slice("optimizer", stage, COMPUTE, times.computed_s, times.computed_s + took)
