"""A training step on a fabric: how long it takes, and where its GPU-seconds go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Fabric
from .hot_links import LinkRow, top_links
from .ledger import NETWORK_RUNGS, DimensionRow, LedgerRow, Unevenness, climb, ledger, split_by_dimension
from .network import network_for
from .results import Tabular
from .step_cost import CostRow, Prices, step_cost
from .step_trace import write_trace
from .wires import NetworkWires
from .workloads.calls import CallRow, call_rows
from .workloads.durations import Seconds, measure
from .workloads.job import Job, plan_job
from .workloads.job_words import job_in_words
from .workloads.machines import Machines, fabric_machines, governed
from .workloads.memory import MemoryRow, fitted, job_memory, memory_row
from .workloads.model import ModelSpec, load_model
from .workloads.options import JobOptions
from .workloads.step import StepPlan, plan_step
from .workloads.units import model_units

ASSUMPTIONS = (
    "Every kind of communication runs by all its groups at once and contends with itself, not with other kinds.",
    "Pipeline messages overlap computing; a stage sends one at a time.",
    "All GPUs start a step together: the norm of the gradients is a barrier.",
)


@dataclass(frozen=True)
class TrainResult(Tabular):
    """One training step; its table is the ledger, one line per cause. `mfu` counts full attention over the BF16 peak,
    `mfu_causal` causal attention."""

    gpus: int
    step_time_s: float
    tokens_per_s: float
    model_tflops_per_gpu: float
    mfu: float
    mfu_causal: float
    ledger: tuple[LedgerRow, ...]
    by_dimension: tuple[DimensionRow, ...]
    collectives: tuple[CallRow, ...]
    top_links: tuple[LinkRow, ...]
    memory: MemoryRow
    assumptions: tuple[str, ...]
    cost: CostRow | None = None

    @property
    def starved_fraction(self) -> float:
        """Share of the GPU-seconds in which nothing is computed."""
        return 1.0 - self.ledger[0].fraction

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "gpus": self.gpus,
            "step_time_s": self.step_time_s,
            "tokens_per_s": self.tokens_per_s,
            "tokens_per_s_per_gpu": self.tokens_per_s / self.gpus,
            "model_tflops_per_gpu": self.model_tflops_per_gpu,
            "mfu": self.mfu,
            "mfu_causal": self.mfu_causal,
            "starved_fraction": self.starved_fraction,
            **{
                table: [asdict(row) for row in getattr(self, table)]
                for table in ("ledger", "by_dimension", "collectives", "top_links")
            },
            "memory": asdict(self.memory),
            **({"cost": asdict(self.cost)} if self.cost else {}),
            "assumptions": list(self.assumptions),
        }

    def _table(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.ledger]


def train(
    fabric: Fabric,
    model: str | Path | ModelSpec,
    parallel: str = "",
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    prices: Prices | None = None,
    trace: str | Path | None = None,
    **options: Any,
) -> TrainResult:
    """One step of `model` on all GPUs of `fabric`; with `prices` its cost, and into a file `trace` its tasks in time
    (Trace Event Format).

    `parallel` is text like `"tp=8,pp=4"`; `options` are the fields of JobOptions: seq_len, global_batch, micro_batch,
    precision, schedule, recompute, zero and more. Raises WorkloadError with every fault of the job, and what the
    network's transport, routing and fidelity refuse.
    """
    said = JobOptions.of(parallel, options)
    job = plan_job(load_model(model), fabric.ranks, said)
    machines = fabric_machines(fabric, job.precision, job.eager)
    job = fitted(job, said, machines.capacity_bytes)
    network = network_for(fabric, _with_time(fidelity), transport, routing, seed, parameters or {})
    units = model_units(job)
    uneven = Unevenness(draw_jitter(job, seed), machines.pace(job, units))
    plan, wires = plan_step(job, machines.fastest(units)), NetworkWires(network)
    result = _run(plan, machines, wires, uneven)
    if trace is not None:
        write_trace(trace, plan, measure(job, plan.messages, wires), uneven.slowness)
    if prices is None:
        return result
    cost = step_cost(prices, machines, result.step_time_s, result.starved_fraction, result.tokens_per_s)
    return replace(result, cost=cost)


def draw_jitter(job: Job, seed: int) -> Seconds:
    """Factors on compute time, float64[dp, pp]: log-normal per GPU with mean 1 and the job's jitter as standard
    deviation, drawn in rank order; the slowest of those that compute in step governs.
    """
    spread = math.log1p(job.jitter**2)
    normal = np.random.default_rng(seed).standard_normal(job.gpus)
    return governed(job, np.exp(math.sqrt(spread) * normal - spread / 2))


def _run(plan: StepPlan, machines: Machines, wires: NetworkWires, uneven: Unevenness) -> TrainResult:
    job, network, messages = plan.job, wires.network, plan.messages
    less = [wires.at(detail) for detail in NETWORK_RUNGS.values() if detail < network.detail]
    durations = {each.network.detail: measure(job, messages, each) for each in (*less, wires)}
    rungs = climb(plan, durations, uneven)
    step_time_s = list(rungs.values())[-1]
    exposed = split_by_dimension(plan, durations[network.detail], uneven)
    calls = call_rows(job, messages, durations[network.detail])
    full, causal = (
        job.model.flops(job.global_batch, job.seq_len, causal) / (step_time_s * job.gpus) for causal in (False, True)
    )
    return TrainResult(
        gpus=job.gpus,
        step_time_s=step_time_s,
        tokens_per_s=job.global_batch * job.seq_len / step_time_s,
        model_tflops_per_gpu=full / 1e12,
        mfu=full / machines.peak_flops_per_s,
        mfu_causal=causal / machines.peak_flops_per_s,
        ledger=ledger(job.gpus, rungs),
        by_dimension=exposed,
        collectives=calls,
        top_links=top_links(job, calls, wires, exposed),
        memory=memory_row(job_memory(job), machines.capacity_bytes),
        assumptions=(*job_in_words(job), *machines.assumptions, *ASSUMPTIONS, *network.assumptions()),
    )


def _with_time(fidelity: str) -> str:
    if fidelity == "bound":
        raise SpecError(Fault("a step has no closed-form bound", "use fidelity fluid or transport", field="fidelity"))
    return fidelity
