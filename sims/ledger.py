"""The starvation ledger: where the GPU-seconds of a step go.

A ladder of runs, each adding one thing to the one before; a cause is the difference between neighbours, signed, never
clamped (taking an ideal away can help someone). The rows sum to the step time of all GPUs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .network import Detail
from .workloads.calls import DIMENSIONS
from .workloads.durations import Durations, Seconds, silent
from .workloads.step import StepPlan, balanced_step_s, step_s

NETWORK_RUNGS: Mapping[str, Detail] = {
    "serialisation": Detail.PORTS,
    "latency": Detail.LATENCY,
    "oversubscription": Detail.WIRING,
    "collision": Detail.ROUTING,
    "congestion": Detail.TRANSPORT,
}
"""The causes that lie in the network, each with the detail that brings it in."""

CAUSES = ("compute", "pipeline_bubble", "straggler", "imbalance", *NETWORK_RUNGS, "failure", "neighbours", "storage")


@dataclass(frozen=True)
class LedgerRow:
    """GPU-seconds lost to a cause (or spent computing), and their share of the step."""

    cause: str
    gpu_seconds: float
    fraction: float


@dataclass(frozen=True)
class DimensionRow:
    """GPU-seconds that the communication of one parallel dimension exposes."""

    dimension: str
    gpu_seconds: float
    fraction: float


def climb(plan: StepPlan, durations: Mapping[Detail, Durations], slowness: Seconds) -> dict[str, float]:
    """Step time in seconds of each rung of the ladder, named by the cause that it adds; the first is the computing
    time itself.

    `durations` are those of the step's communication per network detail; `slowness` is as in `step_s`. The jitter's
    effect on computing itself counts as straggling, so that `compute` is the same with and without it.
    """
    even = np.ones_like(slowness)
    rungs = {
        "compute": plan.busy_s,
        "pipeline_bubble": balanced_step_s(plan, even),
        "straggler": balanced_step_s(plan, slowness),
        "imbalance": step_s(plan, silent(plan.job, plan.buckets), slowness),
    }
    for cause, detail in NETWORK_RUNGS.items():
        if detail in durations:
            rungs[cause] = step_s(plan, durations[detail], slowness)
    return rungs


def ledger(gpus: int, rungs: Mapping[str, float]) -> tuple[LedgerRow, ...]:
    """One row per cause from the step times of `climb`; causes that are not on the ladder cost 0."""
    total, before, rows = list(rungs.values())[-1], 0.0, []
    for cause in CAUSES:
        now = rungs.get(cause, before)
        rows.append(LedgerRow(cause, (now - before) * gpus, (now - before) / total))
        before = now
    return tuple(rows)


def split_by_dimension(plan: StepPlan, durations: Durations, slowness: Seconds) -> tuple[DimensionRow, ...]:
    """What the network costs, split by parallel dimension: each adds its communication to those before it, in order
    tp, pp, dp.
    """
    steps = [step_s(plan, durations.only(DIMENSIONS[:count]), slowness) for count in range(len(DIMENSIONS) + 1)]
    gpus, total = plan.job.gpus, steps[-1]
    return tuple(
        DimensionRow(dimension, (after - before) * gpus, (after - before) / total)
        for dimension, before, after in zip(DIMENSIONS, steps[:-1], steps[1:], strict=True)
    )
