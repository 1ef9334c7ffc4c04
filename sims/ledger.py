"""The starvation ledger: where the GPU-seconds of a step go.

A ladder of runs, each adding one thing to the one before; a cause is the difference between neighbours, signed, never
clamped (taking an ideal away can help someone). The rows sum to the step time of all GPUs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .network import Detail
from .workloads.durations import Durations, Seconds
from .workloads.plan import StepPlan, plan_step
from .workloads.step import balanced_step_s, step_s

NETWORK_RUNGS: Mapping[str, Detail] = {
    "serialisation": Detail.PORTS,
    "latency": Detail.LATENCY,
    "oversubscription": Detail.WIRING,
    "collision": Detail.ROUTING,
    "congestion": Detail.TRANSPORT,
}
"""The causes that lie in the network, each with the detail that brings it in."""

CAUSES = (
    *("compute", "pipeline_bubble", "straggler", "imbalance"),
    *(*NETWORK_RUNGS, "failure", "neighbours", "storage", "overlap"),
)


@dataclass(frozen=True)
class LedgerRow:
    """GPU-seconds lost to a cause (or spent computing), and their share of the step."""

    cause: str
    gpu_seconds: float
    fraction: float


@dataclass(frozen=True)
class Unevenness:
    """What makes computing uneven, float64[dp, pp] each: factors of jitter, and of accelerators slower than the
    fastest."""

    jitter: Seconds
    pace: Seconds

    @property
    def slowness(self) -> Seconds:
        return self.jitter * self.pace


def climb(plan: StepPlan, durations: Mapping[Detail, Durations], uneven: Unevenness) -> dict[str, float]:
    """Step time in seconds of each rung of the ladder, named by the cause that it adds; the first is the computing
    time itself.

    `durations` are those of the step's communication per network detail. The effect of jitter and of slower
    accelerators on computing itself counts as straggling and imbalance, so that `compute` is the same with and
    without them; so does the load of the busiest expert. The last rung lets communication slow computing beside it.
    """
    even = with_even_experts(plan)
    rungs = {
        "compute": even.busy_s,
        "pipeline_bubble": balanced_step_s(even, np.ones_like(uneven.jitter)),
        "straggler": balanced_step_s(even, uneven.jitter) + even.stalled_s,
        "imbalance": step_s(plan, plan.silent, uneven.slowness),
    }
    for cause, detail in NETWORK_RUNGS.items():
        if detail in durations:
            rungs[cause] = step_s(plan, durations[detail], uneven.slowness)
    if plan.job.slowdown:
        rungs["overlap"] = step_s(plan, durations[max(durations)], uneven.slowness, plan.job.slowdown)
    return rungs


def with_even_experts(plan: StepPlan) -> StepPlan:
    """The same step with the mean load on every expert."""
    even = replace(plan.job, imbalance=1.0)
    return plan if even == plan.job else plan_step(even, plan.roofline)


def ledger(gpus: int, rungs: Mapping[str, float]) -> tuple[LedgerRow, ...]:
    """One row per cause from the step times of `climb`; causes that are not on the ladder cost 0."""
    total, before, rows = list(rungs.values())[-1], 0.0, []
    for cause in CAUSES:
        now = rungs.get(cause, before)
        rows.append(LedgerRow(cause, (now - before) * gpus, (now - before) / total))
        before = now
    return tuple(rows)
