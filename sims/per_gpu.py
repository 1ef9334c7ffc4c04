"""How starvation spreads over the GPUs of a step.

A GPU starves while it computes nothing: the step less the time in which it computes its own share at its own pace. The
mean over all GPUs is the ledger's, except that the longer computing of a slow GPU is not starvation of its own (the
ledger has it under straggler and imbalance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.graph import Fabric
from .workloads.durations import Seconds
from .workloads.plan import StepPlan

MOST = 5
ALIKE_S = 1e-9


@dataclass(frozen=True)
class SpreadRow:
    """Starved seconds per step over the GPUs of a pipeline stage; of None: over all."""

    stage: int | None
    gpus: int
    mean_s: float
    min_s: float
    p10_s: float
    median_s: float
    p90_s: float
    max_s: float


@dataclass(frozen=True)
class StarvedRow:
    """A GPU, or the mean GPU of a server: seconds per step that it starves, and their share of the step."""

    name: str
    gpus: int
    starved_s: float
    fraction: float


@dataclass(frozen=True)
class PerGpu:
    """Starvation by GPU: its spread over all and over each stage, and the GPUs and servers that starve most, at most
    five of each, in rank order where they starve alike."""

    spread: tuple[SpreadRow, ...]
    most_starved_gpus: tuple[StarvedRow, ...]
    most_starved_servers: tuple[StarvedRow, ...]


def busy_seconds(plan: StepPlan, slowness: Seconds) -> Seconds:
    """Seconds in which each rank computes, float64[gpus]; `slowness` float64[gpus] is its own time over the fastest's.
    `plan` has the mean load on all experts."""
    job = plan.job
    units = plan.held.sum(axis=0) @ np.array([unit.work_s for unit in plan.timed])
    return np.repeat(job.micro_batches * units + plan.optimizer_s, job.gpus // job.pp) * slowness


def per_gpu(fabric: Fabric, stages: int, busy_s: Seconds, step_s: float) -> PerGpu:
    """`busy_s` float64[gpus] are those of the fabric's first ranks, stage after stage."""
    starved_s = step_s - busy_s
    ends = fabric.endpoints[: len(busy_s)]
    server = fabric.column("server")[ends]
    homes, home = np.unique(server[server >= 0], return_inverse=True)
    housed = np.bincount(home)
    return PerGpu(
        spread=(_spread(None, starved_s), *(_spread(*each) for each in enumerate(starved_s.reshape(stages, -1)))),
        most_starved_gpus=_most(
            [fabric.label(int(end)) for end in ends], np.ones(len(ends), dtype=np.int64), starved_s, step_s
        ),
        most_starved_servers=_most(
            [f"server {number}" for number in homes],
            housed,
            np.bincount(home, starved_s[server >= 0]) / housed,
            step_s,
        ),
    )


def _spread(stage: int | None, starved_s: Seconds) -> SpreadRow:
    points = np.percentile(starved_s, (0, 10, 50, 90, 100)).tolist()
    return SpreadRow(stage, len(starved_s), float(starved_s.mean()), *points)


def _most(names: list[str], gpus: npt.NDArray[np.int64], starved_s: Seconds, step_s: float) -> tuple[StarvedRow, ...]:
    order = np.argsort(-np.round(starved_s / ALIKE_S), kind="stable")[:MOST]
    return tuple(
        StarvedRow(names[at], int(gpus[at]), float(starved_s[at]), float(starved_s[at]) / step_s)
        for at in order.tolist()
    )
