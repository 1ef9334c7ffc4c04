"""What is wrong with a job: one rule, one fault, with its arithmetic and its cure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ...fabric.errors import Fault
from .options import JobOptions

if TYPE_CHECKING:
    from .job import Job

CHOICES = {
    "precision": ("bf16", "fp8"),
    "schedule": ("auto", "gpipe", "1f1b", "interleaved", "zero-bubble"),
    "recompute": ("auto", "none", "selective", "full"),
    "zero": (0, 1, 2, 3),
    "context": (None, "ring", "all-gather", "ulysses"),
    "attention": ("flash", "unfused"),
    "kernels": ("fused", "eager"),
    "reduce": ("fp32", "bf16"),
}
MOST_TASKS = 2**24


def option_faults(options: JobOptions) -> Iterator[Fault]:
    """Options outside their own domain."""
    for field in ("seq_len", "global_batch", "micro_batch", "shard"):
        value = getattr(options, field)
        if value is not None and value < 1:
            yield Fault(f"{value} is not above zero", "give a positive whole number", field=field)
    for field, known in CHOICES.items():
        value = getattr(options, field)
        if value not in known:
            names = ", ".join(str(name) for name in known if name is not None)
            yield Fault(f"unknown {field} {value!r}", f"one of {names}", field=field)
    for field in ("jitter", "stalls", "slowdown"):
        value = getattr(options, field)
        if value is not None and not 0 <= value < 1:
            yield Fault(f"{value} is outside 0..1", "give a fraction like 0.02", field=field)
    for field in ("imbalance", "capacity"):
        value = getattr(options, field)
        if value is not None and not 1 <= value < float("inf"):
            yield Fault(f"{value} is below 1", "it is a multiple of the mean load, like 1.2", field=field)


def job_faults(job: Job, options: JobOptions, degrees: Mapping[str, int], gpus: int, batch: int) -> Iterator[Fault]:
    """What does not fit together: degrees, model, schedule, sharding, batch, and options that would do nothing."""
    yield from _degree_faults(job, degrees, gpus)
    yield from _cut_faults(job)
    yield from _stage_faults(job)
    yield from _schedule_faults(job, options.schedule, degrees.get("vp"))
    yield from _batch_faults(job, batch)
    if job.data_ranks % job.shard:
        problem = f"{job.shard} does not divide the {job.data_ranks} data-parallel ranks"
        yield Fault(problem, f"choose a divisor of {job.data_ranks}", field="shard")
    for field, problem, cure in _idle(job, options):
        yield Fault(problem, cure, field=field)


def _degree_faults(job: Job, degrees: Mapping[str, int], gpus: int) -> Iterator[Fault]:
    if job.gpus != gpus:
        named = [f"{name}={getattr(job, name)}" for name in ("tp", "pp", "cp", "dp") if name in degrees or name == "tp"]
        cure = f"the product of the degrees must be {gpus}"
        yield Fault(f"{' x '.join(named)} does not fill the fabric's {gpus} GPUs", cure, field="parallel")
    if job.ep > 1 and not job.model.experts:
        yield Fault(f"ep={job.ep}, but {job.model.name} has no experts", "use ep=1", field="parallel")
    elif job.ep > 1 and job.model.experts % job.ep:
        problem = f"ep={job.ep} does not divide {job.model.experts} experts"
        yield Fault(problem, f"choose a divisor of {job.model.experts}", field="parallel")
    if job.data_ranks % job.ep:
        problem = f"ep={job.ep} does not divide cp x dp = {job.data_ranks}"
        yield Fault(problem, f"choose a divisor of {job.data_ranks}", field="parallel")


def _cut_faults(job: Job) -> Iterator[Fault]:
    model = job.model
    widths = {"heads": model.heads, "kv_heads": model.kv_heads, "ffn_hidden": model.ffn_hidden}
    if model.experts:
        widths["moe_ffn_hidden"] = model.moe_ffn_hidden
    for what, count in widths.items():
        if count % job.tp:
            yield _indivisible("tp", job.tp, what, count)
    if job.seq_len % (job.cp * job.tp if job.sp else job.cp):
        degree = "cp x tp" if job.sp and job.cp > 1 else "tp" if job.sp else "cp"
        yield _indivisible(degree, job.cp * job.tp if job.sp else job.cp, "seq_len", job.seq_len)
    if job.context == "ulysses":
        for what, count in (("heads", model.heads), ("kv_heads", model.kv_heads)):
            if count % (job.tp * job.cp):
                yield _indivisible("tp x cp", job.tp * job.cp, what, count)


def _indivisible(degree: str, value: int, what: str, count: int) -> Fault:
    return Fault(f"{degree}={value} does not divide {what}={count}", f"choose a divisor of {count}", field="parallel")


def _stage_faults(job: Job) -> Iterator[Fault]:
    layers, most = job.model.layers, -(-job.model.layers // job.pp)
    if layers < job.pp:
        yield Fault(f"pp={job.pp} stages, but {layers} layers", f"use pp up to {layers}", field="parallel")
    elif job.vp > most:
        problem = f"vp={job.vp} chunks for {layers} layers on {job.pp} stages"
        yield Fault(problem, f"use vp up to {most}", field="parallel")


def _schedule_faults(job: Job, schedule: str, vp: int | None) -> Iterator[Fault]:
    if schedule in ("gpipe", "1f1b", "zero-bubble") and (vp or 1) > 1:
        yield Fault(f"{schedule} runs one chunk per stage, but vp={vp}", "use schedule interleaved", field="schedule")
    elif schedule == "interleaved" and (job.pp == 1 or vp == 1):
        yield Fault("interleaving needs several stages and chunks", "use pp and vp of at least 2", field="schedule")
    elif schedule == "auto" and job.pp == 1 and (vp or 1) > 1:
        yield Fault(f"vp={vp} chunks on a single stage", "vp needs pp of at least 2", field="parallel")


def _batch_faults(job: Job, batch: int) -> Iterator[Fault]:
    multiple = job.dp * job.micro_batch
    if batch % multiple or batch < multiple:
        yield Fault(
            f"{batch} sequences are no multiple of dp={job.dp} replicas x micro-batches of {job.micro_batch}",
            f"the nearest multiple is {max(1, round(batch / multiple)) * multiple}",
            field="global_batch",
        )
    tasks = job.micro_batches * job.pp * job.vp
    if tasks > MOST_TASKS:
        yield Fault(
            f"{tasks} forward tasks in the pipeline are more than the {MOST_TASKS} that a step may have",
            "use larger micro-batches or a smaller batch",
            field="global_batch",
        )


def _idle(job: Job, options: JobOptions) -> Iterator[tuple[str, str, str]]:
    """Options that would change nothing, or ask for what cannot be, with field, problem and cure."""
    if options.sp and job.tp == 1:
        yield "sp", "sequence parallelism does nothing without tensor parallelism", "use tp of at least 2"
    if not job.sp and job.tp > 1 and job.model.experts:
        yield "sp", "experts beside tensor parallelism need sequence parallelism", "leave --no-sp out"
    if options.context and job.cp == 1:
        yield "context", f"{options.context} does nothing without context parallelism", "use cp of at least 2"
    if job.cp > 1 and not job.flash:
        yield "attention", "context parallelism needs fused attention", "use flash"
    if options.shard and job.zero == 0:
        yield "shard", "nothing is sharded at zero=0", "use zero of 1 or more"
    if options.shard and job.ep > 1:
        yield "shard", "expert parallelism shards over all replicas", "leave it out, or use ep=1"
    for field in ("imbalance", "capacity"):
        if getattr(options, field) not in (None, 1.0) and not job.model.experts:
            yield field, "does nothing for a model without experts", "leave it out"
    if options.capacity and options.imbalance <= options.capacity:
        yield "capacity", "it caps an imbalance that is not above it", "give a larger imbalance, or leave it out"
