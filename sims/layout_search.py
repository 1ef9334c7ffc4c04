"""The best legal layout of a model on a fabric: every combination of degrees is bounded, few are timed.

A layout's step with its communication free is a lower bound of the step on any network: a pipeline in fixed order ends
no earlier when a message takes longer, nor does a stream that serves one message at a time. Layouts are taken by rising
bound; once the bound reaches the best time found, no layout that is left can win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..fabric.errors import Fault, WorkloadError
from ..fabric.graph import Fabric
from .network import network_for
from .quick_step import least_step_s, quick_step_s
from .wires import NetworkWires
from .workloads.job import Job, plan_job
from .workloads.machines import Machines, fabric_machines
from .workloads.memory import fitted, needed_bytes
from .workloads.model import ModelSpec
from .workloads.options import JobOptions

MICRO_BATCHES = (1, 2, 4, 8)
NOT_TRIED = (
    "Not tried: context parallelism, tensor parallelism across scale-up domains, micro-batches other than "
    f"{', '.join(map(str, MICRO_BATCHES))}, chunks other than the default, rank orders other than tp, cp, dp, pp."
)


@dataclass(frozen=True)
class Layout:
    """A layout with the time of its step, or None where its bound ruled it out."""

    parallel: str
    micro_batch: int
    recompute: str
    memory_GB: float
    bound_s: float
    step_s: float | None


@dataclass(frozen=True)
class Search:
    """Layouts by rising time, then those ruled out by rising bound; and how many were refused as illegal or too
    large for memory."""

    layouts: tuple[Layout, ...]
    refused: int
    assumptions: tuple[str, ...]

    @property
    def best(self) -> Layout:
        return self.layouts[0]


def search(
    fabric: Fabric,
    model: ModelSpec,
    options: JobOptions,
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Search:
    """Raises WorkloadError without a global batch, which all layouts share, with degrees given, and where no layout
    is legal."""
    _check(options)
    machines = fabric_machines(fabric, "fp8" if options.precision == "fp8" else "bf16", options.kernels == "eager")
    wires = NetworkWires(network_for(fabric, fidelity, transport, routing, seed, parameters or {}))
    domain = int(np.unique(wires.network.domains, return_counts=True)[1].max())
    legal, refused = [], 0
    for parallel, micro_batch in _candidates(model, fabric.ranks, domain):
        said = replace(options, parallel=parallel, micro_batch=micro_batch)
        try:
            job = fitted(plan_job(model, fabric.ranks, said), said, machines.capacity_bytes)
        except WorkloadError:
            refused += 1
            continue
        legal.append((least_step_s(job, machines), parallel, job))
    if not legal:
        raise WorkloadError("no layout is legal and fits into memory", "use more GPUs, or another global batch")
    legal.sort(key=lambda entry: (entry[0], entry[1], entry[2].micro_batch))
    return Search(tuple(_timed(legal, machines, wires)), refused, (NOT_TRIED, *machines.assumptions))


def _check(options: JobOptions) -> None:
    faults = []
    if options.global_batch is None:
        faults.append(Fault("layouts are compared on one batch", "give it", field="global_batch"))
    if options.parallel:
        faults.append(Fault("a search chooses the degrees", "leave it out", field="parallel"))
    if options.micro_batch != 1:
        faults.append(Fault("a search chooses it", "leave it out", field="micro_batch"))
    if faults:
        raise WorkloadError(faults)


def _candidates(model: ModelSpec, gpus: int, domain: int) -> Iterator[tuple[str, int]]:
    """Every (degrees, micro-batch) whose degrees multiply."""
    for tp, pp in product(_divisors(gpus, domain), _divisors(gpus, model.layers)):
        if gpus % (tp * pp) == 0:
            for ep in _divisors(model.experts, gpus // (tp * pp)) if model.experts else (1,):
                degrees = f"tp={tp},pp={pp}" + (f",ep={ep}" if ep > 1 else "")
                yield from ((degrees, micro_batch) for micro_batch in MICRO_BATCHES)


def _divisors(number: int, most: int) -> list[int]:
    return [each for each in range(1, min(number, most) + 1) if number % each == 0]


def _timed(legal: list[tuple[float, str, Job]], machines: Machines, wires: NetworkWires) -> list[Layout]:
    best, timed, ruled_out = float("inf"), [], []
    for bound_s, parallel, job in legal:
        step_s = quick_step_s(job, machines, wires) if bound_s < best else None
        row = Layout(parallel, job.micro_batch, job.recompute, needed_bytes(job) / 1e9, bound_s, step_s)
        if step_s is None:
            ruled_out.append(row)
        else:
            best = min(best, step_s)
            timed.append((step_s, row))
    timed.sort(key=lambda entry: entry[0])
    return [row for _, row in timed] + ruled_out
