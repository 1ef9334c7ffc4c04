"""A training job: model, degrees of parallelism and batch, checked against each other and the number of GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...fabric.errors import WorkloadError
from .degrees import read_degrees
from .efficiency import eager_set
from .job_faults import job_faults, option_faults
from .model import ModelSpec
from .options import JobOptions

Precision = Literal["bf16", "fp8"]
Order = Literal["gpipe", "1f1b", "interleaved", "zero-bubble"]
Recompute = Literal["none", "selective", "full"]
Context = Literal["ring", "all-gather", "ulysses"]

MICRO_BATCHES_PER_STAGE = 4
"""Default micro-batches per pipeline stage: GPipe (Huang et al. 2019, section 2.3) finds the bubble small from 4 on."""


@dataclass(frozen=True)
class Job:
    """One training step to run on ranks 0..gpus-1; rank order tp, cp, dp, pp with tp fastest.

    Experts are spread over `ep` neighbours in the order of cp and dp. `vp` counts the model chunks per pipeline
    stage, `micro_batches` those of one replica in one step, `micro_batch` the sequences in each. `shard` is the
    number of data-parallel ranks that hold one copy of what `zero` shards. The other fields are those of JobOptions.
    """

    model: ModelSpec
    tp: int
    pp: int
    cp: int
    ep: int
    dp: int
    vp: int
    micro_batches: int
    micro_batch: int
    seq_len: int
    precision: Precision
    order: Order
    recompute: Recompute
    zero: int
    shard: int
    sp: bool
    context: Context
    flash: bool
    dropout: bool
    eager: bool
    gradient_bytes: int
    overlap: bool
    imbalance: float
    jitter: float
    stalls: float
    slowdown: float

    @property
    def gpus(self) -> int:
        return self.tp * self.pp * self.cp * self.dp

    @property
    def data_ranks(self) -> int:
        """Ranks with the same parameters outside experts: data and context parallelism together."""
        return self.cp * self.dp

    @property
    def expert_ranks(self) -> int:
        """Ranks with the same experts."""
        return self.data_ranks // self.ep

    @property
    def global_batch(self) -> int:
        return self.micro_batches * self.micro_batch * self.dp

    @property
    def tokens(self) -> int:
        """Tokens of a micro-batch on one context-parallel rank."""
        return self.micro_batch * self.seq_len // self.cp

    @property
    def rows(self) -> int:
        """Tokens of a micro-batch whose norms and residuals one rank computes: its share under sequence
        parallelism."""
        return self.tokens // self.tp if self.sp else self.tokens

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """Rank numbers, shape (pp, dp, cp, tp)."""
        return np.arange(self.gpus).reshape(self.pp, self.dp, self.cp, self.tp)


def plan_job(model: ModelSpec, gpus: int, options: JobOptions) -> Job:
    """The job as it will run, defaults filled in, recomputation still at its least when it is auto. Raises
    WorkloadError with every fault.

    A degree left out is 1, dp what remains of the GPUs. The default batch gives every pipeline stage 4 micro-batches.
    `schedule` auto interleaves with the most chunks the layers allow where the micro-batches fill whole rounds of the
    pipeline, and is 1f1b elsewhere.
    """
    degrees, faults = read_degrees(options.parallel)
    faults += option_faults(options)
    if faults:
        raise WorkloadError(faults)
    tp, pp, cp, ep = (degrees.get(name, 1) for name in ("tp", "pp", "cp", "ep"))
    dp = degrees.get("dp", max(1, gpus // (tp * pp * cp)))
    batch = options.global_batch or dp * options.micro_batch * pp * MICRO_BATCHES_PER_STAGE
    micro_batches = batch // (dp * options.micro_batch)
    order, vp = _order(options.schedule, degrees.get("vp"), model.layers, pp, micro_batches)
    imbalance = min(options.imbalance, options.capacity or options.imbalance)
    job = Job(
        *(model, tp, pp, cp, ep, dp, vp, micro_batches, options.micro_batch),
        seq_len=options.seq_len or model.seq_len,
        precision=options.precision,  # type: ignore[arg-type]
        order=order,
        recompute="none" if options.recompute == "auto" else options.recompute,  # type: ignore[arg-type]
        zero=options.zero,
        shard=options.shard or dp * cp,
        sp=tp > 1 if options.sp is None else options.sp,
        context=options.context or "ring",  # type: ignore[arg-type]
        flash=options.attention == "flash",
        dropout=options.dropout,
        eager=options.kernels == "eager",
        gradient_bytes={"fp32": 4, "bf16": 2}[options.reduce],
        overlap=options.overlap,
        imbalance=max(1.0, imbalance),
        jitter=options.jitter,
        stalls=_given(options, "stalls"),
        slowdown=_given(options, "slowdown"),
    )
    faults = list(job_faults(job, options, degrees, gpus, batch))
    if faults:
        raise WorkloadError(faults)
    return job


def _given(options: JobOptions, field: Literal["stalls", "slowdown"]) -> float:
    """What is said, else the fitted constant of eager kernels."""
    said: float | None = getattr(options, field)
    if said is not None:
        return said
    return float(getattr(eager_set(), field)) if options.kernels == "eager" else 0.0


def _order(schedule: str, vp: int | None, layers: int, pp: int, micro_batches: int) -> tuple[Order, int]:
    most = -(-layers // pp)
    if vp is None and pp > 1 and (schedule == "interleaved" or (schedule == "auto" and micro_batches % pp == 0)):
        vp = most
    if schedule in ("gpipe", "1f1b", "zero-bubble"):
        return schedule, vp or 1  # type: ignore[return-value]
    return ("interleaved" if (vp or 1) > 1 else "1f1b"), vp or 1
