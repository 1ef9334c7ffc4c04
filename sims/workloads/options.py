"""What a user says about a job, as said: nothing here is checked yet."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...fabric.errors import Fault, SpecError


@dataclass(frozen=True)
class JobOptions:
    """How a model is trained. `parallel` is text like `"tp=8,pp=4"`; batches count sequences.

    Attributes:
        schedule: auto, gpipe, 1f1b, interleaved or zero-bubble.
        recompute: none, selective, full, or auto: the least that fits into memory.
        zero: what data parallelism shards: 0 nothing, 1 optimizer states, 2 gradients too, 3 parameters too (FSDP).
        shard: ranks that share one copy of what is sharded (HSDP); all of them unless given.
        sp: sequence parallelism beside tensor parallelism; on unless said otherwise.
        context: ring, all-gather or ulysses.
        attention: flash, or unfused: all scores computed and written to memory.
        dropout: whether attention's scores and both halves of a layer drop values at random, as models once did.
        kernels: fused, or eager: every elementwise operation a kernel of its own.
        reduce: precision in which gradients are summed, fp32 or bf16.
        overlap: whether gradients and parameters travel beside computing.
        imbalance: load of the busiest expert rank over the mean; `capacity` caps it.
        jitter: relative standard deviation of compute time between GPUs.
        stalls: share of its time for which each GPU's host stalls at moments of its own (garbage collection, data
            loading) while all others wait; with eager kernels the fitted one unless given.
        slowdown: share of its rate that computing loses while communication runs beside it; with eager kernels the
            fitted one unless given.
    """

    parallel: str = ""
    seq_len: int | None = None
    global_batch: int | None = None
    micro_batch: int = 1
    precision: str = "bf16"
    schedule: str = "auto"
    recompute: str = "auto"
    zero: int = 1
    shard: int | None = None
    sp: bool | None = None
    context: str | None = None
    attention: str = "flash"
    dropout: bool = False
    kernels: str = "fused"
    reduce: str = "fp32"
    overlap: bool = True
    imbalance: float = 1.0
    capacity: float | None = None
    jitter: float = 0.0
    stalls: float | None = None
    slowdown: float | None = None

    @staticmethod
    def of(parallel: str, options: Mapping[str, Any]) -> JobOptions:
        """Raises SpecError for every name that is no option."""
        known = [field.name for field in fields(JobOptions)]
        faults = []
        for name in (name for name in options if name not in known):
            near = difflib.get_close_matches(name, known, n=1)
            cure = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            faults.append(Fault("unknown option of a job", cure, field=name))
        if faults:
            raise SpecError(faults)
        return JobOptions(**({"parallel": parallel} | dict(options)))
