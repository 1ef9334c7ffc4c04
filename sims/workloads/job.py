"""A training job: model, degrees of parallelism and batch, checked against each other and the number of GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, WorkloadError
from .model import ModelSpec

Precision = Literal["bf16", "fp8"]
Order = Literal["gpipe", "1f1b", "interleaved"]

DEGREES = ("tp", "pp", "cp", "ep", "dp", "vp")
MICRO_BATCHES_PER_STAGE = 4
"""Default micro-batches per pipeline stage: GPipe (Huang et al. 2019, section 2.3) finds the bubble small from 4 on."""
MOST_TASKS = 2**24


@dataclass(frozen=True)
class Job:
    """One training step to run on ranks 0..gpus-1; rank order tp, dp, pp with tp fastest.

    `vp` counts the model chunks per pipeline stage, `micro_batches` those of one replica in one step, `micro_batch`
    the sequences in each. Tensor parallelism runs with sequence parallelism, data parallelism with ZeRO-1. `jitter` is
    the relative standard deviation of compute time between GPUs.
    """

    model: ModelSpec
    tp: int
    pp: int
    dp: int
    vp: int
    micro_batches: int
    micro_batch: int
    seq_len: int
    precision: Precision
    order: Order
    jitter: float

    @property
    def gpus(self) -> int:
        return self.tp * self.pp * self.dp

    @property
    def global_batch(self) -> int:
        return self.micro_batches * self.micro_batch * self.dp

    @property
    def micro_batch_tokens(self) -> int:
        return self.micro_batch * self.seq_len

    @property
    def ranks(self) -> npt.NDArray[np.int64]:
        """Rank numbers, shape (pp, dp, tp)."""
        return np.arange(self.gpus).reshape(self.pp, self.dp, self.tp)


def plan_job(
    model: ModelSpec,
    gpus: int,
    parallel: str = "",
    seq_len: int | None = None,
    global_batch: int | None = None,
    micro_batch: int = 1,
    precision: str = "bf16",
    schedule: str = "auto",
    jitter: float = 0.0,
) -> Job:
    """The job as it will run, defaults filled in. Raises WorkloadError with every fault.

    `parallel` is text like `"tp=8,pp=4,dp=4,vp=2"`; a degree left out is 1, dp what remains of the GPUs. The default
    batch gives every pipeline stage 4 micro-batches. `schedule` auto interleaves with the most chunks the layers
    allow where the micro-batches fill whole rounds of the pipeline, and is 1f1b elsewhere.
    """
    degrees, faults = _read_degrees(parallel)
    seq_len = model.seq_len if seq_len is None else seq_len
    for field, value in (("seq_len", seq_len), ("global_batch", global_batch), ("micro_batch", micro_batch)):
        if value is not None and value < 1:
            faults.append(Fault(f"{value} is not above zero", "give a positive whole number", field=field))
    if not 0 <= jitter < 1:
        faults.append(Fault(f"{jitter} is outside 0..1", "give a fraction like 0.02", field="jitter"))
    if precision not in ("bf16", "fp8"):
        faults.append(Fault(f"unknown precision {precision!r}", "bf16 or fp8", field="precision"))
    if faults:
        raise WorkloadError(faults)
    tp, pp = degrees.get("tp", 1), degrees.get("pp", 1)
    dp = degrees.get("dp", max(1, gpus // (tp * pp)))
    if global_batch is None:
        global_batch = dp * micro_batch * pp * MICRO_BATCHES_PER_STAGE
    micro_batches = global_batch // (dp * micro_batch)
    order, vp = _order(schedule, degrees.get("vp"), model.layers, pp, micro_batches)
    faults = [
        *_degree_faults(degrees, gpus, tp, pp, dp),
        *_model_faults(model, tp, pp, vp, seq_len),
        *_schedule_faults(schedule, degrees.get("vp"), pp),
        *_batch_faults(global_batch, dp, micro_batch, micro_batches * pp * vp),
    ]
    if faults:
        raise WorkloadError(faults)
    return Job(model, tp, pp, dp, vp, micro_batches, micro_batch, seq_len, precision, order, jitter)  # type: ignore[arg-type]


def _read_degrees(parallel: str) -> tuple[dict[str, int], list[Fault]]:
    degrees: dict[str, int] = {}
    faults = []
    for part in filter(None, (part.strip() for part in parallel.split(","))):
        name, _, text = (piece.strip() for piece in part.partition("="))
        if name not in DEGREES:
            faults.append(Fault(f"unknown degree {name!r}", f"known: {', '.join(DEGREES)}", field="parallel"))
        elif name in degrees:
            faults.append(Fault(f"{name} is given twice", "give it once", field="parallel"))
        elif not re.fullmatch("[1-9][0-9]{0,8}", text):
            faults.append(
                Fault(f"{part!r} is no positive whole number", f"write for example {name}=8", field="parallel")
            )
        else:
            degrees[name] = int(text)
    return degrees, faults


def _order(schedule: str, vp: int | None, layers: int, pp: int, micro_batches: int) -> tuple[Order, int]:
    most = -(-layers // pp)
    if vp is None and pp > 1 and (schedule == "interleaved" or (schedule == "auto" and micro_batches % pp == 0)):
        vp = most
    if schedule in ("gpipe", "1f1b"):
        return schedule, vp or 1  # type: ignore[return-value]
    return ("interleaved" if (vp or 1) > 1 else "1f1b"), vp or 1


def _degree_faults(degrees: dict[str, int], gpus: int, tp: int, pp: int, dp: int) -> Iterator[Fault]:
    for later, what in (("cp", "context"), ("ep", "expert")):
        if degrees.get(later, 1) != 1:
            yield Fault(
                f"{later}={degrees[later]}: {what} parallelism is not modelled", f"use {later}=1", field="parallel"
            )
    if tp * pp * dp != gpus:
        spread = f"tp={tp} x pp={pp}" + (f" x dp={dp}" if "dp" in degrees else "")
        cure = f"the product of the degrees must be {gpus}"
        yield Fault(f"{spread} does not fill the fabric's {gpus} GPUs", cure, field="parallel")


def _model_faults(model: ModelSpec, tp: int, pp: int, vp: int, seq_len: int) -> Iterator[Fault]:
    for what, count in (
        ("heads", model.heads),
        ("kv_heads", model.kv_heads),
        ("ffn_hidden", model.ffn_hidden),
        ("seq_len", seq_len),
    ):
        if count % tp:
            yield Fault(f"tp={tp} does not divide {what}={count}", f"choose a divisor of {count}", field="parallel")
    if model.layers < pp:
        yield Fault(f"pp={pp} stages, but {model.layers} layers", f"use pp up to {model.layers}", field="parallel")
    elif vp > -(-model.layers // pp):
        most = -(-model.layers // pp)
        yield Fault(
            f"vp={vp} chunks for {model.layers} layers on {pp} stages", f"use vp up to {most}", field="parallel"
        )


def _schedule_faults(schedule: str, vp: int | None, pp: int) -> Iterator[Fault]:
    if schedule == "zero-bubble":
        yield Fault("the zero-bubble schedule is not modelled", "use 1f1b or interleaved", field="schedule")
    elif schedule not in ("auto", "gpipe", "1f1b", "interleaved"):
        yield Fault(f"unknown schedule {schedule!r}", "auto, gpipe, 1f1b or interleaved", field="schedule")
    elif schedule in ("gpipe", "1f1b") and (vp or 1) > 1:
        yield Fault(f"{schedule} runs one chunk per stage, but vp={vp}", "use schedule interleaved", field="schedule")
    elif schedule == "interleaved" and (pp == 1 or vp == 1):
        yield Fault("interleaving needs several stages and chunks", "use pp and vp of at least 2", field="schedule")
    elif schedule == "auto" and pp == 1 and (vp or 1) > 1:
        yield Fault(f"vp={vp} chunks on a single stage", "vp needs pp of at least 2", field="parallel")


def _batch_faults(global_batch: int, dp: int, micro_batch: int, tasks: int) -> Iterator[Fault]:
    multiple = dp * micro_batch
    if global_batch % multiple:
        yield Fault(
            f"{global_batch} sequences are no multiple of dp={dp} replicas x micro-batches of {micro_batch}",
            f"the nearest multiple is {max(1, round(global_batch / multiple)) * multiple}",
            field="global_batch",
        )
    if tasks > MOST_TASKS:
        yield Fault(
            f"{tasks} forward tasks in the pipeline are more than the {MOST_TASKS} that a step may have",
            "use larger micro-batches or a smaller batch",
            field="global_batch",
        )
