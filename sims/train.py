"""A training step on a fabric: how long it takes, and where its GPU-seconds go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..fabric.errors import Fault, SpecError, WorkloadError
from ..fabric.graph import Fabric
from .collectives import collective_time_s
from .ledger import NETWORK_RUNGS, DimensionRow, LedgerRow, climb, ledger, split_by_dimension
from .network import Network, network_for
from .results import pandas_module
from .workloads.communication import CallRow, Ranks, Seconds, call_rows, measure
from .workloads.job import Job, plan_job
from .workloads.model import ModelSpec, load_model
from .workloads.roofline import fabric_roofline
from .workloads.step import plan_step

if TYPE_CHECKING:
    import pandas as pd

ASSUMPTIONS = (
    "Activations fit in memory: nothing is recomputed, and memory is not checked.",
    "Attention is causal and fused: half of the score matrix is computed, none of it reaches memory.",
    "Every kind of communication runs by all its groups at once and contends with itself, not with other kinds.",
    "Pipeline messages overlap computing; a stage sends one at a time.",
    "Gradients are scattered in FP32 and parameters gathered in BF16 (ZeRO-1), overlapped bucket by bucket.",
    "All GPUs start a step together: the norm of the gradients is a barrier.",
    "Communication does not slow computing down.",
)


@dataclass(frozen=True)
class LinkRow:
    """A busy link: the fraction of its capacity that the step uses, and the GPU-seconds in which it was in use."""

    name: str
    utilisation: float
    gpu_seconds: float


@dataclass(frozen=True)
class TrainResult:
    """One training step. `mfu` counts full attention over the BF16 peak, `mfu_causal` causal attention."""

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
    assumptions: tuple[str, ...]

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
            "assumptions": list(self.assumptions),
        }

    def to_pandas(self) -> pd.DataFrame:
        """The ledger, one line per cause."""
        return pandas_module().DataFrame([asdict(row) for row in self.ledger])


@dataclass(frozen=True)
class NetworkWires:
    """A network as a step's communication uses it."""

    network: Network

    def collective_s(self, op: str, groups: Sequence[Ranks], size_bytes: int) -> float:
        return collective_time_s(self.network, op, groups, size_bytes)

    def send_s(self, source: Ranks, target: Ranks, size_bytes: int) -> Seconds:
        return self.network.transfer(source, target, size_bytes).finish_s


def train(
    fabric: Fabric,
    model: str | Path | ModelSpec,
    parallel: str = "",
    seq_len: int | None = None,
    global_batch: int | None = None,
    micro_batch: int = 1,
    precision: str = "bf16",
    schedule: str = "auto",
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    jitter: float = 0.0,
    parameters: Mapping[str, Any] | None = None,
) -> TrainResult:
    """One step of `model` on all GPUs of `fabric`.

    `parallel` is text like `"tp=8,pp=4"`; batches count sequences; `jitter` is the relative standard deviation of
    compute time between GPUs. Raises WorkloadError with every fault of the job, and what the network's transport,
    routing and fidelity refuse.
    """
    job = plan_job(load_model(model), fabric.ranks, parallel, seq_len, global_batch, micro_batch, precision, schedule)
    machine = fabric_roofline(fabric, job.precision)
    slowness = draw_slowness(job, jitter, seed)
    network = network_for(fabric, _with_time(fidelity), transport, routing, seed, parameters or {})
    plan = plan_step(job, machine)
    durations = {
        detail: measure(job, plan.units, plan.buckets, NetworkWires(network.at(detail)))
        for detail in NETWORK_RUNGS.values()
        if detail <= network.detail
    }
    rungs = climb(plan, durations, slowness)
    final = durations[network.detail]
    step_time_s = list(rungs.values())[-1]
    sequences_flops = [job.model.flops(job.global_batch, job.seq_len, causal) for causal in (False, True)]
    full, causal = (flops / (step_time_s * job.gpus) for flops in sequences_flops)
    return TrainResult(
        gpus=job.gpus,
        step_time_s=step_time_s,
        tokens_per_s=job.global_batch * job.seq_len / step_time_s,
        model_tflops_per_gpu=full / 1e12,
        mfu=full / machine.peak_flops_per_s,
        mfu_causal=causal / machine.peak_flops_per_s,
        ledger=ledger(job.gpus, rungs),
        by_dimension=split_by_dimension(plan, final, slowness),
        collectives=call_rows(job, plan.units, plan.buckets, final),
        top_links=(),
        assumptions=(_job_in_words(job), *machine.assumptions, *ASSUMPTIONS, *network.assumptions()),
    )


def draw_slowness(job: Job, jitter: float, seed: int) -> Seconds:
    """Factors on compute time, float64[dp, pp]: log-normal per GPU with mean 1 and standard deviation `jitter`, drawn
    in rank order; the slowest of a tensor group governs it.
    """
    if not 0 <= jitter < 1:
        raise WorkloadError(Fault(f"{jitter} is outside 0..1", "give a fraction like 0.02", field="jitter"))
    spread = math.log1p(jitter**2)
    normal = np.random.default_rng(seed).standard_normal(job.ranks.shape)
    return np.exp(math.sqrt(spread) * normal - spread / 2).max(axis=2).T


def _with_time(fidelity: str) -> str:
    if fidelity == "bound":
        raise SpecError(Fault("a step has no closed-form bound", "use fidelity fluid or transport", field="fidelity"))
    return fidelity


def _job_in_words(job: Job) -> str:
    return (
        f"{job.model.name} with tp={job.tp} pp={job.pp} dp={job.dp} vp={job.vp} ({job.order}, {job.precision}): "
        f"{job.global_batch} sequences of {job.seq_len} tokens, {job.micro_batches} micro-batches per replica."
    )
