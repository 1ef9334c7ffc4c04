"""One training step in time, as its slowest replica runs it: what each stream of a stage's GPUs does when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .workloads.durations import Durations, Seconds
from .workloads.schedule import BACKWARD, FORWARD, WEIGHTS, chunk_ends_s
from .workloads.step import StepPlan, StepTimes, step_times
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
    tasks = list(_tasks(plan, times, slowest))
    return (
        *tasks,
        *_sends(plan, times, slowest, tasks),
        *_exchanges(plan, durations, times),
        *_updates(plan, times, slowness),
    )


def _tasks(plan: StepPlan, times: StepTimes, replica: int) -> Iterator[Slice]:
    """Stage after stage, in the order of issue."""
    order, each = plan.order, times.loads
    begun = np.empty((len(times.ends_s), *order.tasks.shape))
    chunk_ends_s(order, each.forward, each.backward, each.weights, times.hop_s, times.back_s, times.gates_s, begun)
    took = np.stack((each.forward[replica], each.backward[replica], each.weights[replica]))
    stage = np.arange(plan.job.pp)[:, None]
    ended = begun[replica] + took[order.kind, order.chunk, stage]
    first = (order.kind == FORWARD) & (order.batch == 0)
    ended = np.where(first, np.maximum(ended, times.gates_s[replica, order.chunk, stage]), ended)
    columns = order.kind, order.batch, order.chunk, begun[replica], ended
    for number, rows in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        for kind, batch, chunk, begin_s, end_s in zip(*rows, strict=True):
            yield Slice(number, COMPUTE, TASKS[kind], begin_s, end_s, batch, chunk)


def _sends(plan: StepPlan, times: StepTimes, replica: int, tasks: list[Slice]) -> Iterator[Slice]:
    """A stage sends one message at a time, when its task has ended: forward to the next stage, backward to the one
    before; the last stage's to the first, the next chunk."""
    last_stage, last_chunk = plan.job.pp - 1, plan.job.vp - 1
    free_s = [0.0] * plan.job.pp
    for task in tasks:
        stage, chunk = task.stage, task.chunk
        if task.what == TASKS[FORWARD] and (stage, chunk) != (last_stage, last_chunk):
            what, took = AHEAD, float(times.hop_s[replica, stage])
        elif task.what == TASKS[BACKWARD] and (stage, chunk) != (0, 0):
            what, took = BEHIND, float(times.back_s[replica, stage])
        else:
            continue
        begin_s = max(free_s[stage], task.end_s)
        free_s[stage] = begin_s + took
        yield Slice(stage, PIPELINE, what, begin_s, free_s[stage], task.batch, chunk)


def _exchanges(plan: StepPlan, durations: Durations, times: StepTimes) -> Iterator[Slice]:
    buckets = plan.buckets
    for what, messages, done_s in (
        (GATHER, buckets.collects, times.collected_s),
        (SUM, buckets.sums, times.summed_s),
    ):
        for bucket, (sent, end_s) in enumerate(zip(messages, done_s.tolist(), strict=True)):
            stage, chunk = int(buckets.stage[bucket]), int(buckets.chunk[bucket])
            yield Slice(stage, EXCHANGE, what, end_s - durations.seconds(sent), end_s, chunk=chunk, carries=sent)


def _updates(plan: StepPlan, times: StepTimes, slowness: Seconds) -> Iterator[Slice]:
    """Of the slowest replica of each stage."""
    for stage, took in enumerate((plan.optimizer_s * slowness).max(axis=0).tolist()):
        yield Slice(stage, COMPUTE, OPTIMIZER, times.computed_s, times.computed_s + took)
