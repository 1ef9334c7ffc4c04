"""In which order each pipeline stage issues its tasks: GPipe, 1F1B and interleaved 1F1B.

Huang et al. 2019 (GPipe); Narayanan et al. 2021, section 2.2: with equal stages the bubble is (p - 1) / m of the
computing time, with v chunks per stage (p - 1) / (v m).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...fabric.errors import InternalError
from ._pipeline_kernels import run_pipelines
from .job import Order

Times = npt.NDArray[np.float64]

_LEFT_OUT = 2**62


def task_order(order: Order, stages: int, chunks: int, micro_batches: int) -> npt.NDArray[np.int64]:
    """Tasks in issue order, int64[stages, 2 * chunks * micro_batches], coded as `_pipeline_kernels.run_pipelines`
    reads them.

    Interleaved runs chunk by chunk over groups of `stages` micro-batches, backward the chunks in reverse. A short
    last group is a full one with the missing micro-batches left out: dropping tasks from an order that cannot wait
    for itself leaves one that cannot either.
    """
    filled = -(-micro_batches // stages) * stages if order == "interleaved" else micro_batches
    count = chunks * filled
    chunk, batch = np.divmod(np.arange(count), filled)
    group = batch // stages if order == "interleaved" else batch
    code = np.where(batch < micro_batches, chunk * micro_batches + batch, _LEFT_OUT)
    forward = code[np.lexsort((batch, chunk, group))]
    backward = -1 - code[np.lexsort((batch, -chunk, group))]
    tasks = np.empty((stages, 2 * chunks * micro_batches), dtype=np.int64)
    place = np.arange(count)
    for stage in range(stages):
        warm = min(count, _warm_up(order, stages, chunks, stage, count))
        issued = np.empty(2 * count, dtype=np.int64)
        issued[np.where(place < warm, place, 2 * place - warm)] = forward
        issued[np.where(place < count - warm, warm + 2 * place + 1, count + place)] = backward
        tasks[stage] = issued[np.abs(issued) < _LEFT_OUT]
    return tasks


def _warm_up(order: Order, stages: int, chunks: int, stage: int, count: int) -> int:
    """Forwards that a stage issues before its first backward alternates with them."""
    if order == "gpipe":
        return count
    if order == "1f1b":
        return stages - 1 - stage
    return 2 * (stages - 1 - stage) + (chunks - 1) * stages


def chunk_ends_s(
    tasks: npt.NDArray[np.int64], forward_s: Times, backward_s: Times, hop_s: Times, back_s: Times, gate_s: Times
) -> Times:
    """When each chunk's last backward ends, float64[pipelines, chunks, stages]; arguments as in the kernel."""
    times = (np.ascontiguousarray(each) for each in (forward_s, backward_s, hop_s, back_s, gate_s))
    ended = run_pipelines(tasks, *times)
    if np.isnan(ended).any():
        raise InternalError("the pipeline schedule waits for itself")
    return ended
