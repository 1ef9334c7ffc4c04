"""A training step on a fabric: how long it takes, and where its GPU-seconds go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Fabric
from .exposed_links import exposed_links
from .exposure import exposed_by_collective, exposed_by_dimension
from .ledger import NETWORK_RUNGS, Unevenness, climb, ledger, with_even_experts
from .link_loads import link_ids, link_loads
from .network import network_for
from .per_gpu import busy_seconds, per_gpu
from .reasons import reasons
from .step_cost import Prices, step_cost
from .step_trace import write_trace
from .timeline import timeline
from .timeline_layers import layers
from .train_result import TrainResult
from .wires import NetworkWires
from .workloads.calls import call_rows
from .workloads.durations import Seconds, measure
from .workloads.job import Job, plan_job
from .workloads.job_words import degrees_in_words, job_in_words
from .workloads.machines import Machines, fabric_machines, governed
from .workloads.memory import fitted, job_memory, memory_row
from .workloads.model import ModelSpec, load_model
from .workloads.options import JobOptions
from .workloads.plan import StepPlan, plan_step
from .workloads.units import model_units

ASSUMPTIONS = (
    "Every kind of communication runs by all its groups at once; kinds in flight together share links in equal parts.",
    "Messages of layers and of the pipeline meet others by chance, buckets what runs while they are exchanged.",
    "Pipeline messages overlap computing; a stage sends one at a time.",
    "All GPUs start a step together: the norm of the gradients is a barrier.",
)


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
    jitter = draw_jitter(job, seed)
    uneven = Unevenness(governed(job, jitter), machines.pace(job, units))
    plan, wires = plan_step(job, machines.fastest(units)), NetworkWires(network)
    result = _run(plan, machines, wires, uneven, jitter * machines.rank_pace(job, units))
    if trace is not None:
        _write_trace(trace, plan, wires, result)
    if prices is None:
        return result
    cost = step_cost(prices, machines, result.step_time_s, result.starved_fraction, result.tokens_per_s)
    return replace(result, cost=cost)


def _write_trace(path: str | Path, plan: StepPlan, wires: NetworkWires, result: TrainResult) -> None:
    slices = (*result.timeline, *layers(plan, measure(plan.job, plan.messages, wires), result.timeline))
    links = link_ids(wires.network.fabric, [row.name for row in result.top_links])
    write_trace(path, plan.job.gpus, slices, link_loads(plan.job, wires, links, slices))


def draw_jitter(job: Job, seed: int) -> Seconds:
    """Factors on compute time, float64[gpus]: log-normal with mean 1 and the job's jitter as standard deviation, drawn
    in rank order.
    """
    spread = math.log1p(job.jitter**2)
    normal = np.random.default_rng(seed).standard_normal(job.gpus)
    return np.asarray(np.exp(math.sqrt(spread) * normal - spread / 2))


def _run(plan: StepPlan, machines: Machines, wires: NetworkWires, uneven: Unevenness, slowness: Seconds) -> TrainResult:
    """`uneven` is that of the stages, `slowness` float64[gpus] that of every rank by itself."""
    job, network, messages = plan.job, wires.network, plan.messages
    at_each = wires.at_each(NETWORK_RUNGS.values())
    durations = {detail: measure(job, messages, each) for detail, each in at_each.items()}
    rungs = climb(plan, durations, uneven)
    step_time_s = list(rungs.values())[-1]
    exposed = exposed_by_collective(plan, durations[network.detail], uneven)
    calls = call_rows(job, messages, durations[network.detail])
    on_links = exposed_links(job, calls, wires, exposed, step_time_s)
    full, causal = (
        job.model.flops(job.global_batch, job.seq_len, causal) / (step_time_s * job.gpus) for causal in (False, True)
    )
    return TrainResult(
        fabric=network.fabric.name,
        model=job.model.name,
        parallel=degrees_in_words(job),
        transport=network.carrier.name,
        routing=network.rule,
        gpus=job.gpus,
        step_time_s=step_time_s,
        tokens_per_s=job.global_batch * job.seq_len / step_time_s,
        model_tflops_per_gpu=full / 1e12,
        mfu=full / machines.peak_flops_per_s,
        mfu_causal=causal / machines.peak_flops_per_s,
        ledger=ledger(job.gpus, rungs),
        by_dimension=exposed_by_dimension(exposed),
        by_collective=exposed,
        by_link_class=on_links.by_link_class,
        by_rail=on_links.by_rail,
        reasons=reasons(plan, durations, at_each, exposed),
        per_gpu=per_gpu(network.fabric, job.pp, busy_seconds(with_even_experts(plan), slowness), step_time_s),
        collectives=calls,
        top_links=on_links.top_links,
        memory=memory_row(job_memory(job), machines.capacity_bytes),
        assumptions=(*job_in_words(job), *machines.assumptions, *ASSUMPTIONS, *network.assumptions()),
        timeline=timeline(plan, durations[network.detail], uneven.slowness),
    )


def _with_time(fidelity: str) -> str:
    if fidelity == "bound":
        raise SpecError(Fault("a step has no closed-form bound", "use fidelity fluid or transport", field="fidelity"))
    return fidelity
