"""In which order each pipeline stage issues its tasks: GPipe, 1F1B, interleaved 1F1B, and zero-bubble.

Huang et al. 2019 (GPipe); Narayanan et al. 2021, section 2.2: with equal stages the bubble is (p - 1) / m of the
computing time, with v chunks per stage (p - 1) / (v m). Qi et al. 2023 (arXiv:2401.10241), schedule ZB-H1: weight
gradients are tasks of their own, stage s runs them s micro-batches after the rest of backward, and the bubble is
(p - 1) (F + B - W).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import InternalError
from ._pipeline_kernels import run_pipelines
from .job import Order

Times = npt.NDArray[np.float64]
Tasks = npt.NDArray[np.int64]

_LEFT_OUT = 2**62
FORWARD, BACKWARD, WEIGHTS = range(3)


@dataclass(frozen=True)
class TaskOrder:
    """Tasks of each stage in issue order, int64[stages, tasks], coded `kind * n + chunk * micro_batches + batch` with
    n = chunks * micro_batches."""

    tasks: Tasks
    chunks: int
    micro_batches: int

    @property
    def kind(self) -> Tasks:
        return self.tasks // (self.chunks * self.micro_batches)

    @property
    def chunk(self) -> Tasks:
        return self.tasks % (self.chunks * self.micro_batches) // self.micro_batches

    @property
    def batch(self) -> Tasks:
        return self.tasks % self.micro_batches


def task_order(order: Order, stages: int, chunks: int, micro_batches: int) -> TaskOrder:
    """Interleaved runs chunk by chunk over groups of `stages` micro-batches, backward the chunks in reverse. A short
    last group is a full one with the missing micro-batches left out: dropping tasks from an order that cannot wait
    for itself leaves one that cannot either.
    """
    if order == "zero-bubble":
        return TaskOrder(_zero_bubble(stages, micro_batches), 1, micro_batches)
    filled = -(-micro_batches // stages) * stages if order == "interleaved" else micro_batches
    count = chunks * filled
    chunk, batch = np.divmod(np.arange(count), filled)
    group = batch // stages if order == "interleaved" else batch
    code = np.where(batch < micro_batches, chunk * micro_batches + batch, _LEFT_OUT)
    forward = code[np.lexsort((batch, chunk, group))]
    backward = code[np.lexsort((batch, -chunk, group))]
    backward = np.where(backward < _LEFT_OUT, chunks * micro_batches + backward, _LEFT_OUT)
    tasks = np.empty((stages, 2 * chunks * micro_batches), dtype=np.int64)
    place = np.arange(count)
    for stage in range(stages):
        warm = min(count, _warm_up(order, stages, chunks, stage, count))
        issued = np.empty(2 * count, dtype=np.int64)
        issued[np.where(place < warm, place, 2 * place - warm)] = forward
        issued[np.where(place < count - warm, warm + 2 * place + 1, count + place)] = backward
        tasks[stage] = issued[issued < _LEFT_OUT]
    return TaskOrder(tasks, chunks, micro_batches)


def _warm_up(order: Order, stages: int, chunks: int, stage: int, count: int) -> int:
    """Forwards that a stage issues before its first backward alternates with them."""
    if order == "gpipe":
        return count
    if order == "1f1b":
        return stages - 1 - stage
    return 2 * (stages - 1 - stage) + (chunks - 1) * stages


def _zero_bubble(stages: int, micro_batches: int) -> Tasks:
    tasks = np.empty((stages, 3 * micro_batches), dtype=np.int64)
    for stage in range(stages):
        warm = min(micro_batches, stages - 1 - stage)
        issued = list(range(warm))
        for batch in range(micro_batches):
            if warm + batch < micro_batches:
                issued.append(warm + batch)
            issued.append(micro_batches + batch)
            if batch >= stage:
                issued.append(2 * micro_batches + batch - stage)
        issued += range(2 * micro_batches + max(0, micro_batches - stage), 3 * micro_batches)
        tasks[stage] = issued
    return tasks


@dataclass(frozen=True)
class TaskTimes:
    """Seconds of tasks, float64[pipelines, chunks, stages], and of messages from each stage to the next and to the one
    before, float64[pipelines, stages]."""

    forward: Times
    backward: Times
    weights: Times
    hop: Times
    back: Times

    def stacked(self) -> tuple[Times, Times]:
        return np.stack((self.forward, self.backward, self.weights)), np.stack((self.hop, self.back))


@dataclass(frozen=True)
class Windows:
    """When stages exchange parameters (`gathers` float64[stages, n, 2]) and gradients (`sums` float64[pipelines,
    stages, n, 2], from the last backward of the chunk `sum_chunk` int64[stages, n]); see the kernel."""

    gathers: Times
    sums: Times
    sum_chunk: Tasks

    @staticmethod
    def none(pipelines: int, stages: int) -> Windows:
        return Windows(np.empty((stages, 0, 2)), np.empty((pipelines, stages, 0, 2)), np.empty((stages, 0), np.int64))

    def opened(self, last_s: Times) -> Times:
        """Windows of gradients in time, float64[pipelines, stages, n, 2], by when each chunk's last backward begins."""
        stage = np.arange(self.sum_chunk.shape[0])[:, None]
        return np.asarray(self.sums + last_s[:, self.sum_chunk, stage, None])


@dataclass(frozen=True)
class TaskRun:
    """When each chunk's last task ends and its last backward begins, float64[pipelines, chunks, stages]; how long
    computing and sending meet the exchange (`met_s`, as in the kernel)."""

    ends_s: Times
    last_s: Times
    met_s: Times


def chunk_ends_s(order: TaskOrder, times: TaskTimes, gate_s: Times) -> Times:
    """When each chunk's last task ends, float64[pipelines, chunks, stages], where nothing else is in flight."""
    return run_tasks(order, times, times, Windows.none(*times.hop.shape), gate_s).ends_s


def run_tasks(
    order: TaskOrder,
    times: TaskTimes,
    beside: TaskTimes,
    windows: Windows,
    gate_s: Times,
    begun_s: Times | None = None,
) -> TaskRun:
    """Run the tasks, which take `times` outside windows and those `beside` inside; arguments as in the kernel."""
    work_s, wire_s = (np.stack(each) for each in zip(times.stacked(), beside.stacked(), strict=True))
    met_s, last_s = np.empty((2, 2, *times.hop.shape)), np.empty(gate_s.shape)
    recorded = np.empty((0, 0, 0, 0)) if begun_s is None else begun_s
    exchange = windows.gathers, windows.sums, windows.sum_chunk
    counts = order.chunks, order.micro_batches
    ended = run_pipelines(order.tasks, *counts, work_s, wire_s, gate_s, *exchange, met_s, last_s, recorded)
    if np.isnan(ended).any():
        raise InternalError("the pipeline schedule waits for itself")
    return TaskRun(ended, last_s, met_s)
