"""How long the chunks of a step take, with the communication that computing itself waits for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .durations import Durations, Seconds, unit_collects, unit_sums
from .plan import StepPlan
from .prefetch import Load, backward_s, forward_s
from .stages import stage_kinds


@dataclass(frozen=True)
class Loads:
    """Seconds of every chunk, float64[pipelines, chunks, stages], and of one unit of each kind, float64[pipelines,
    stages, kinds]."""

    forward: Seconds
    backward: Seconds
    weights: Seconds
    unit_forward: Seconds
    unit_backward: Seconds


def loads(plan: StepPlan, durations: Durations, slow: Seconds, slowdown: float) -> Loads:
    """Loads on pipelines whose stages compute `slow` (float64[pipelines, stages]) times as long."""

    def unit_s(part: str) -> Seconds:
        return np.stack(
            [
                sum((one.seconds(slow, durations, slowdown) for one in getattr(unit, part)), start=np.zeros_like(slow))
                for unit in plan.timed
            ],
            axis=2,
        )

    forward, backward, weights = (unit_s(part) for part in ("forward", "backward", "weights"))
    chunk = [np.einsum("vpu,rpu->rvp", plan.held, each) for each in (forward, backward, weights)]
    if plan.job.zero == 3:
        chunk[:2] = _prefetched(plan, durations, forward, backward, slowdown)
    return Loads(chunk[0], chunk[1], chunk[2], forward, backward + weights)


def _prefetched(
    plan: StepPlan, durations: Durations, forward: Seconds, backward: Seconds, slowdown: float
) -> list[Seconds]:
    """Forward and backward of every chunk when parameters are gathered unit by unit."""
    job = plan.job
    collect = [durations.seconds(unit_collects(job, unit)) for unit in plan.units.kinds]
    scatter = [durations.seconds(unit_sums(job, unit)) for unit in plan.units.kinds]
    both = [np.empty((len(forward), job.vp, job.pp)) for _ in range(2)]
    for chunk, row in enumerate(stage_kinds(job)):
        for stage, kinds in enumerate(row):
            for times, passes, chunk_s in zip((forward, backward), (forward_s, backward_s), both, strict=True):
                walk = [Load(times[:, stage, kind], collect[kind], scatter[kind]) for kind in kinds]
                chunk_s[:, chunk, stage] = passes(walk, job.overlap, slowdown)
    return both
