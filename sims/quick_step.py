"""The time of a step alone, without its ledger: what searches and validations ask many times of one network."""

from __future__ import annotations

import numpy as np

from .wires import NetworkWires
from .workloads.durations import measure, measure_alone
from .workloads.job import Job
from .workloads.machines import Machines
from .workloads.plan import plan_step
from .workloads.step import step_s
from .workloads.units import model_units


def quick_step_s(job: Job, machines: Machines, wires: NetworkWires) -> float:
    """Seconds of one step without jitter."""
    units = model_units(job)
    plan = plan_step(job, machines.fastest(units))
    return step_s(plan, measure(job, plan.messages, wires), machines.pace(job, units), job.slowdown)


def lone_step_s(job: Job, machines: Machines, wires: NetworkWires) -> float:
    """Seconds of the step if kinds of communication never met. They only slow each other, and a pipeline in fixed order
    ends no earlier for it: the step takes no less."""
    units = model_units(job)
    plan = plan_step(job, machines.fastest(units))
    return step_s(plan, measure_alone(job, plan.messages, wires), machines.pace(job, units), job.slowdown)


def least_step_s(job: Job, machines: Machines) -> float:
    """Seconds that no network brings a step below: its communication free, every GPU the fastest."""
    plan = plan_step(job, machines.fastest(model_units(job)))
    return step_s(plan, plan.silent, np.ones((job.dp, job.pp)))
