"""One training step in time, as its slowest replica runs it: what each stream of a stage's GPUs does when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from .workloads.durations import Durations, Seconds
from .workloads.plan import StepPlan
from .workloads.schedule import BACKWARD, FORWARD, WEIGHTS, run_tasks
from .workloads.step import step_times
from .workloads.times import StepTimes
from .workloads.work import Message

COMPUTE, GROUPS, PIPELINE, EXCHANGE = range(4)
STREAMS = ("compute", "tensor, context and expert groups", "sends along the pipeline", "gradients and parameters")
TASKS = {FORWARD: "forward", BACKWARD: "backward", WEIGHTS: "weights"}
AHEAD, BEHIND = "send activations", "send gradients"
GATHER, SUM, OPTIMIZER = "gather parameters", "sum gradients", "optimizer"


class Slice(NamedTuple):
    """What a stream (index into STREAMS) of a stage does for a while; of which micro-batch and model chunk, -1 where
    it is of none; and the messages that it carries."""

    stage: int
    stream: int
    what: str
    begin_s: float
    end_s: float
    batch: int = -1
    chunk: int = -1
    carries: tuple[Message, ...] = ()


def timeline(plan: StepPlan, durations: Durations, slowness: Seconds) -> tuple[Slice, ...]:
    """Tasks, sends, exchanges and optimizers of the slowest replica; slices of one stream never overlap."""
    times = step_times(plan, durations, slowness, plan.job.slowdown)
    slowest = int(np.argmax(times.ends_s.max(axis=(1, 2))))
    begun = np.empty((len(times.ends_s), *plan.order.tasks.shape, 4))
    run_tasks(plan.order, times.tasks, times.beside, times.pace.windows, times.gates_s, begun)
    tasks_begun, tasks_ended, sends_begun, sends_ended = np.moveaxis(begun[slowest], 2, 0)
    sends = {TASKS[FORWARD]: AHEAD, TASKS[BACKWARD]: BEHIND}
    return (
        *_issued(plan, COMPUTE, {what: what for what in TASKS.values()}, tasks_begun, tasks_ended),
        *_issued(plan, PIPELINE, sends, sends_begun, sends_ended),
        *_exchanges(plan, times),
        *_updates(plan, times, slowness),
    )


def _issued(
    plan: StepPlan, stream: int, names: Mapping[str, str], begun_s: Seconds, ended_s: Seconds
) -> Iterator[Slice]:
    """What each task is, or sends when it has ended, stage after stage in the order of issue, float64[stages, tasks];
    `names` by the task's. What takes no time is left out."""
    order = plan.order
    columns = order.kind, order.batch, order.chunk, begun_s, ended_s
    for stage, rows in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        for kind, batch, chunk, begin_s, end_s in zip(*rows, strict=True):
            if TASKS[kind] in names and end_s > begin_s:
                yield Slice(stage, stream, names[TASKS[kind]], begin_s, end_s, batch, chunk)


def _exchanges(plan: StepPlan, times: StepTimes) -> Iterator[Slice]:
    buckets = plan.buckets
    places = list(zip(buckets.stage.tolist(), buckets.chunk.tolist(), strict=True))
    for what, messages, exchange in ((GATHER, buckets.collects, times.collected), (SUM, buckets.sums, times.summed)):
        spans = zip(exchange.begun_s.tolist(), exchange.done_s.tolist(), strict=True)
        for (stage, chunk), sent, (begin_s, end_s) in zip(places, messages, spans, strict=True):
            yield Slice(stage, EXCHANGE, what, begin_s, end_s, chunk=chunk, carries=sent)


def _updates(plan: StepPlan, times: StepTimes, slowness: Seconds) -> Iterator[Slice]:
    """Of the slowest replica of each stage."""
    for stage, took in enumerate((plan.optimizer_s * slowness).max(axis=0).tolist()):
        yield Slice(stage, COMPUTE, OPTIMIZER, times.computed_s, times.computed_s + took)
