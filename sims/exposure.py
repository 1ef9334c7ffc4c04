"""Which communication starves the GPUs of a step: what the network costs, by operation and by parallel dimension.

A chain of runs from the silent network to the step as it is, each adding one kind of operation to those before, in the
order of tp, pp, dp, ep, cp; what a kind exposes is the difference between neighbours, signed. The differences sum to
the ledger's rows of the network and of overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from .ledger import Unevenness
from .workloads.durations import Durations
from .workloads.plan import StepPlan
from .workloads.step import step_s
from .workloads.work import DIMENSIONS

PIPELINE = ("pp", "send-recv")
"""What carries activations and their gradients from stage to stage."""


@dataclass(frozen=True)
class ExposedRow:
    """GPU-seconds that one operation of a parallel dimension exposes."""

    dimension: str
    op: str
    gpu_seconds: float
    fraction: float


@dataclass(frozen=True)
class DimensionRow:
    """GPU-seconds that the communication of one parallel dimension exposes."""

    dimension: str
    gpu_seconds: float
    fraction: float


def exposed_by_collective(plan: StepPlan, durations: Durations, uneven: Unevenness) -> tuple[ExposedRow, ...]:
    """One row per operation of each dimension that the step has."""
    kind_of = {message: (message.dimension, message.op) for message in plan.messages}
    present = {*kind_of.values(), *([PIPELINE] if plan.job.pp > 1 else [])}
    kinds = sorted(present, key=lambda kind: (DIMENSIONS.index(kind[0]), kind[1]))
    steps = []
    for count in range(len(kinds) + 1):
        added = kinds[:count]
        kept = {message for message, kind in kind_of.items() if kind in added}
        heard = durations.only(kept, hops=PIPELINE in added)
        steps.append(step_s(plan, heard, uneven.slowness, plan.job.slowdown))
    gpus, total = plan.job.gpus, steps[-1]
    return tuple(
        ExposedRow(*kind, (after - before) * gpus, (after - before) / total)
        for kind, (before, after) in zip(kinds, pairwise(steps), strict=True)
    )


def exposed_by_dimension(exposed: Iterable[ExposedRow]) -> tuple[DimensionRow, ...]:
    """The same by dimension, all five of them."""
    rows = list(exposed)
    return tuple(
        DimensionRow(
            dimension,
            sum(row.gpu_seconds for row in rows if row.dimension == dimension),
            sum(row.fraction for row in rows if row.dimension == dimension),
        )
        for dimension in DIMENSIONS
    )
