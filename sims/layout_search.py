"""The best legal layout of a model on a fabric: every layout is bounded, few are timed.

Two lower bounds of a step, each dearer and nearer than the one before. With its communication free: a pipeline in fixed
order ends no earlier when a message takes longer, nor does a stream that serves one message at a time. With the ports
of each rank alone: no transfer is faster than the ports of its ends, whatever lies between, nor than while no other
kind of communication is in flight. Layouts wait in a queue by
bound; the first is bounded again or timed, until the best time found is at most the least bound that is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from ..fabric.errors import Fault, WorkloadError
from ..fabric.graph import Fabric
from .layouts import NOT_TRIED, candidates, shardings
from .network import Detail, network_for
from .quick_step import least_step_s, lone_step_s, quick_step_s
from .wires import NetworkWires
from .workloads.job import Job, plan_job
from .workloads.machines import Machines, fabric_machines
from .workloads.memory import fitted, needed_bytes
from .workloads.model import ModelSpec
from .workloads.options import JobOptions

Progress = Callable[[int, int], None]
"""Told how many layouts of how many are decided."""


@dataclass(frozen=True)
class Layout:
    """A layout with the time of its step, or None where its bound ruled it out; then what it keeps in memory may be
    unknown too."""

    parallel: str
    micro_batch: int
    zero: int
    recompute: str
    memory_GB: float | None
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
    progress: Progress = lambda decided, total: None,
) -> Search:
    """The best layout from the stage of ZeRO that `options` name on. Raises WorkloadError without a global batch,
    which all layouts share, with degrees given, and where no layout is legal."""
    _check(options)
    machines = fabric_machines(fabric, "fp8" if options.precision == "fp8" else "bf16", options.kernels == "eager")
    wires = NetworkWires(network_for(fabric, fidelity, transport, routing, seed, parameters or {}))
    waiting, refused = _bounded(fabric, model, options, machines)
    race = _Race(machines, wires, progress)
    race.run(waiting)
    if not race.timed:
        raise WorkloadError("no layout is legal and fits into memory", "use more GPUs, or another global batch")
    return Search((*race.timed_rows(), *race.ruled_out), refused + race.refused, (NOT_TRIED, *machines.assumptions))


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


@dataclass(frozen=True)
class _Entry:
    """A layout as far as it is known: as said (`job` None until it is known to fit), and how near its bound is."""

    said: JobOptions
    least: Job
    job: Job | None = None

    def row(self, bound_s: float, step_s: float | None = None) -> Layout:
        job = self.job or self.least
        memory_GB = needed_bytes(job) / 1e9 if step_s is not None else None
        zero = job.zero if self.job else self.said.zero
        return Layout(self.said.parallel, job.micro_batch, zero, job.recompute, memory_GB, bound_s, step_s)


def _bounded(
    fabric: Fabric, model: ModelSpec, options: JobOptions, machines: Machines
) -> tuple[list[tuple[float, _Entry]], int]:
    """Legal layouts, sharded as little as is tried, with their least bound; and how many are illegal."""
    legal, refused = [], 0
    stages = len([*shardings(options)])
    for said in candidates(model, fabric.ranks, options):
        try:
            job = plan_job(model, fabric.ranks, said)
        except WorkloadError:
            refused += stages
            continue
        # What is computed again, and an optimizer that is not sharded, add to this.
        least = replace(job, recompute=job.recompute if said.recompute != "auto" else "none", zero=max(1, job.zero))
        legal.append((least_step_s(least, machines), _Entry(said, least)))
    return legal, refused


@dataclass
class _Race:
    """The queue at work, and what became of its layouts."""

    machines: Machines
    wires: NetworkWires
    progress: Progress
    timed: list[tuple[float, int, Layout]] = field(default_factory=list)
    ruled_out: list[Layout] = field(default_factory=list)
    refused: int = 0

    def run(self, waiting: list[tuple[float, _Entry]]) -> None:
        turn, best_s = count(), float("inf")
        queue = [(bound_s, next(turn), entry) for bound_s, entry in waiting]
        heapq.heapify(queue)
        ports = self.wires.at(Detail.PORTS) if _even(self.wires) else None
        total = len(queue)
        while queue and queue[0][0] < best_s:
            bound_s, order, entry = heapq.heappop(queue)
            if entry.job is None:
                for fit in self._fitting(entry):
                    nearer_s = 0.0 if ports is None else lone_step_s(fit, self.machines, ports)
                    heapq.heappush(queue, (max(bound_s, nearer_s), next(turn), replace(entry, job=fit)))
                    total += 1
            else:
                step_s = quick_step_s(entry.job, self.machines, self.wires)
                best_s = min(best_s, step_s)
                self.timed.append((step_s, order, entry.row(bound_s, step_s)))
            self.progress(total - len(queue), total)
        self.ruled_out = [entry.row(bound_s) for bound_s, _, entry in sorted(queue, key=lambda item: item[:2])]

    def _fitting(self, entry: _Entry) -> Iterator[Job]:
        """The layout under each sharding with which it fits into memory."""
        for said in shardings(entry.said):
            try:
                yield fitted(plan_job(entry.least.model, entry.least.gpus, said), said, self.machines.capacity_bytes)
            except WorkloadError:
                self.refused += 1

    def timed_rows(self) -> list[Layout]:
        return [row for _, _, row in sorted(self.timed, key=lambda entry: entry[:2])]


def _even(wires: NetworkWires) -> bool:
    """Whether all ports have one rate. Where they have not, fair shares of ports alone may end later than those of
    the whole network."""
    rates_bps = wires.network.fabric.capacity_bps[wires.network.ports.link]
    return bool((rates_bps == rates_bps[:1]).all())
