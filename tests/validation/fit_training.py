"""Fits the constants of sims/workloads/efficiency.yaml: `python tests/validation/fit_training.py` prints them.

Matrix efficiencies and the eager set but for its stalls: least squares of the logarithm of the step time on the fitted
rows of steps.csv, tables weighted alike, what is off by more than 5% linearly (soft L1). Stalls: least squares of the
logarithm of the rate kept on more GPUs, on pairs of fitted rows that differ in the number of GPUs alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from fabricsim.fabric.catalogue import catalogue
from fabricsim.sims.workloads.durations import Durations, measure
from fabricsim.sims.workloads.efficiency import eager_set, generation_of
from fabricsim.sims.workloads.job import Job
from fabricsim.sims.workloads.plan import plan_step
from fabricsim.sims.workloads.roofline import Roofline
from fabricsim.sims.workloads.step import step_s
from fabricsim.sims.workloads.units import model_units
from scipy.optimize import least_squares
from training_steps import STEPS, measured_s, planned, published

ROUNDS = 3
"""Stalls and the other constants are fitted in turn; from the second round on they stay."""


@dataclass(frozen=True)
class Constants:
    """What is fitted: shares of the catalogue's matrix rates, and the eager set."""

    ampere_bf16: float
    hopper_bf16: float
    hopper_fp8: float
    traffic: float
    attention: float
    slowdown: float
    stalls: float


@dataclass(frozen=True)
class FittedRow:
    """A published step with what does not depend on the constants; `shares` are the matrix efficiencies behind
    `roofline`."""

    table: str
    row: str
    job: Job
    roofline: Roofline
    shares: dict[str, float]
    generation: str
    durations: Durations
    measured_s: float

    def simulated_s(self, constants: Constants) -> float:
        job, line = self.job, self.roofline
        rates = {kind: self._share(constants, kind) / self.shares[kind] for kind in self.shares}
        line = replace(
            line,
            matrix_flops_per_s=line.matrix_flops_per_s * rates[job.precision],
            exact_flops_per_s=line.exact_flops_per_s * rates["bf16"],
        )
        if job.eager:
            attention = constants.attention * line.exact_flops_per_s
            line = replace(line, traffic=constants.traffic, attention_flops_per_s=attention)
            job = replace(job, slowdown=constants.slowdown, stalls=constants.stalls)
        alike = np.ones((job.dp, job.pp))
        return step_s(plan_step(job, line), self.durations, alike, job.slowdown)

    def _share(self, constants: Constants, kind: str) -> float:
        return float(getattr(constants, f"{self.generation}_{kind}", self.shares[kind]))

    def error(self, constants: Constants) -> float:
        return float(np.log(self.simulated_s(constants) / self.measured_s))


def fitted_row(row: dict[str, str]) -> FittedRow:
    job, machines, wires = planned(row)
    line = machines.fastest(model_units(job))
    generation = generation_of(catalogue().accelerators[line.accelerator])
    durations = measure(job, plan_step(job, line).messages, wires)
    known = row["table"], row["row"], job, line, dict(generation.matrix), generation.name, durations
    return FittedRow(*known, measured_s(row, job))


def alike_but_for_gpus(rows: list[FittedRow]) -> list[tuple[FittedRow, FittedRow]]:
    found: dict[Any, list[FittedRow]] = {}
    for row in rows:
        if " on " in row.row:
            one = replace(row.job, dp=1, shard=1)
            found.setdefault((row.table, one), []).append(row)
    ordered = [sorted(alike, key=lambda row: row.job.gpus) for alike in found.values()]
    return [(alike[0], more) for alike in ordered for more in alike[1:]]


def fit_rates(rows: list[FittedRow], start: Constants) -> Constants:
    names = [each.name for each in fields(Constants) if each.name != "stalls"]
    tables = Counter(row.table for row in rows)
    weights = np.array([tables[row.table] ** -0.5 for row in rows])

    def constants(scales):
        return replace(start, **{name: getattr(start, name) * scale for name, scale in zip(names, scales, strict=True)})

    def errors(scales):
        return weights * np.array([row.error(constants(scales)) for row in rows])

    found = least_squares(errors, np.ones(len(names)), diff_step=1e-3, loss="soft_l1", f_scale=0.05 * weights.mean())
    return constants(found.x)


def fit_stalls(rows: list[FittedRow], start: Constants) -> Constants:
    pairs, unit = alike_but_for_gpus(rows), 1e-4

    def errors(stalls):
        constants = replace(start, stalls=unit * stalls[0])
        return [few.error(constants) - many.error(constants) for few, many in pairs]

    return replace(start, stalls=unit * least_squares(errors, [1.0], diff_step=1e-3).x[0])


def main() -> None:
    rows = [fitted_row(row) for row, fitted in published(STEPS) if fitted]
    eager = eager_set()
    start = Constants(0.8, 0.7, 0.8, eager.traffic, eager.attention, eager.slowdown, eager.stalls)
    for _ in range(ROUNDS):
        start = fit_rates(rows, fit_stalls(rows, start))
        print(" ".join(f"{each.name} {getattr(start, each.name):.4g}" for each in fields(Constants)))


if __name__ == "__main__":
    main()
