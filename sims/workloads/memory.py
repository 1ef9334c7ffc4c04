"""Memory of a job on each pipeline stage, and the least recomputation that fits.

Weights in BF16; gradients in the precision they are summed in; Adam's master copy and two moments in FP32 (12 bytes,
Rajbhandari et al. 2020, section 3.1). ZeRO shards the optimizer's states from 1 on; from 2 on gradients, which at 2 are
whole from a chunk's first backward to its last; at 3 parameters, of which two units are whole at any time. Activations
are what each operation saves for its backward, for as many micro-batches as the schedule keeps open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, WorkloadError
from .job import Job
from .layers import hidden_bytes
from .options import JobOptions
from .schedule import FORWARD, TaskOrder, task_order
from .stages import Counts, stage_units, unit_parameters
from .units import Units, model_units
from .work import PARAMETER_BYTES

Bytes = npt.NDArray[np.float64]

OPTIMIZER_STATE_BYTES = 12
RECOMPUTE = ("none", "selective", "full")


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU of each stage, float64[stages] each."""

    weights: Bytes
    gradients: Bytes
    optimizer: Bytes
    activations: Bytes

    @property
    def total(self) -> Bytes:
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def worst(self) -> int:
        """The stage that needs most."""
        return int(np.argmax(self.total))


@dataclass(frozen=True)
class MemoryRow:
    """Memory of one GPU of the stage that needs most, in GB (1e9 bytes), and what a GPU has."""

    stage: int
    weights_GB: float
    gradients_GB: float
    optimizer_GB: float
    activations_GB: float
    total_GB: float
    capacity_GB: float


def memory_row(needed: Memory, capacity_bytes: float) -> MemoryRow:
    """The row of the stage that needs most."""
    gigabytes = {
        f"{part}_GB": float(getattr(needed, part)[needed.worst]) / 1e9
        for part in ("weights", "gradients", "optimizer", "activations", "total")
    }
    return MemoryRow(needed.worst, capacity_GB=capacity_bytes / 1e9, **gigabytes)


def memory(job: Job, units: Units, held: Counts, order: TaskOrder) -> Memory:
    """Memory of `job`; `held` as by `stage_units`. Gradients are those held when activations and they need most."""
    weights, gradients, optimizer = (np.zeros(job.pp) for _ in range(3))
    for expert, ranks in ((False, job.shard), (True, job.expert_ranks)):
        parameters = held.sum(axis=0) @ unit_parameters(units, expert)
        whole = 2 * unit_parameters(units, expert).max() if job.zero == 3 else 0
        weights += PARAMETER_BYTES * (parameters / (ranks if job.zero == 3 else 1) + whole)
        gradients += job.gradient_bytes * parameters / (ranks if job.zero >= 2 else 1)
        optimizer += OPTIMIZER_STATE_BYTES * parameters / (ranks if job.zero >= 1 else 1)
    saved = _saved(job, units, held, order)
    if job.zero == 2:
        open_gradients = _open_gradients(job, units, held, order)
        worst = np.argmax(saved + open_gradients, axis=1)[:, None]
        gradients += np.take_along_axis(open_gradients, worst, axis=1)[:, 0]
        activations = np.take_along_axis(saved, worst, axis=1)[:, 0]
    else:
        activations = saved.max(axis=1)
    return Memory(weights, gradients, optimizer, activations + _computed_again(job))


def _saved(job: Job, units: Units, held: Counts, order: TaskOrder) -> Bytes:
    """What each stage has saved while it runs each task, float64[stages, tasks]."""
    saved = (held @ np.array([unit.saved_bytes for unit in units.kinds])).T
    per_task = np.take_along_axis(saved, order.chunk, axis=1)
    opened = np.cumsum(np.where(order.kind == FORWARD, per_task, 0), axis=1)
    closed = np.cumsum(np.where(order.kind == order.kind.max(), per_task, 0), axis=1)
    return np.asarray(opened - np.insert(closed, 0, 0, axis=1)[:, :-1], dtype=np.float64)


def _open_gradients(job: Job, units: Units, held: Counts, order: TaskOrder) -> Bytes:
    """Gradients that each stage is summing while it runs each task, float64[stages, tasks]."""
    parameters = held @ (unit_parameters(units) + unit_parameters(units, expert=True))
    place = np.arange(order.tasks.shape[1])
    summing = np.zeros(order.tasks.shape)
    for chunk in range(job.vp):
        mine = (order.chunk == chunk) & (order.kind != FORWARD)
        first = np.argmax(mine, axis=1)[:, None]
        last = place[-1] - np.argmax(mine[:, ::-1], axis=1)[:, None]
        summing += job.gradient_bytes * parameters[chunk][:, None] * ((place >= first) & (place <= last))
    return summing


def _computed_again(job: Job) -> float:
    """The one layer whose activations full recomputation brings back at a time."""
    if job.recompute != "full":
        return 0.0
    again = model_units(replace(job, recompute="none"))
    return max(unit.saved_bytes for unit in (again.dense, again.moe)) - hidden_bytes(job)


def fitted(job: Job, options: JobOptions, capacity_bytes: float) -> Job:
    """The job with the least recomputation that fits into each GPU's memory, where the options leave it open. Raises
    WorkloadError when even full recomputation does not fit."""
    needs = []
    for level in RECOMPUTE:
        tried = replace(job, recompute=level)  # type: ignore[arg-type]
        needs.append(needed_bytes(tried))
        if needs[-1] <= capacity_bytes:
            return tried if options.recompute == "auto" else job
    least = _in_words(replace(job, recompute="full"))
    problem = f"{least}; a GPU has {capacity_bytes / 1e9:.0f} GB"
    raise WorkloadError(Fault(problem, "use more tp, pp, cp or zero, or smaller micro-batches", field="memory"))


def needed_bytes(job: Job) -> float:
    """Memory of the stage that needs most."""
    return float(job_memory(job).total.max())


def job_memory(job: Job) -> Memory:
    order = task_order(job.order, job.pp, job.vp, job.micro_batches)
    return memory(job, model_units(job), stage_units(job), order)


def _in_words(job: Job) -> str:
    found = job_memory(job)
    parts = ", ".join(
        f"{getattr(found, part)[found.worst] / 1e9:.1f} GB of {part}"
        for part in ("weights", "gradients", "optimizer", "activations")
    )
    total = found.total[found.worst] / 1e9
    return f"even with full recomputation stage {found.worst} needs {total:.1f} GB per GPU ({parts})"
