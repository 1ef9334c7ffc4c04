"""A job in sentences: what runs, and what that takes for granted."""

from __future__ import annotations

from .job import Job

ZERO = (
    "Every replica keeps gradients and optimizer states whole; gradients are summed once a step",
    "Optimizer states are sharded (ZeRO-1): gradients are scattered and parameters gathered once a step",
    "Gradients and optimizer states are sharded (ZeRO-2): gradients are scattered, parameters gathered once a step",
    "Parameters are sharded (ZeRO-3): gathered before each unit's forward and backward, gradients scattered after",
)


def degrees_in_words(job: Job) -> str:
    """`"tp=8 pp=4 dp=2"`, with cp and ep where there are any."""
    more = "".join(f" {name}={getattr(job, name)}" for name in ("cp", "ep") if getattr(job, name) > 1)
    return f"tp={job.tp} pp={job.pp}{more} dp={job.dp}"


def job_in_words(job: Job) -> tuple[str, ...]:
    """The job's degrees and batch, and one sentence per choice that changes its time."""
    gradients = "FP32" if job.gradient_bytes == 4 else "BF16"
    beside = "bucket by bucket beside computing" if job.overlap else "before and after computing"
    sentences = [
        f"{job.model.name} with {degrees_in_words(job)} vp={job.vp} ({job.order}, {job.precision}): "
        f"{job.global_batch} sequences of {job.seq_len} tokens, {job.micro_batches} micro-batches per replica.",
        "Attention is causal and fused: half of the score matrix is computed, none of it reaches memory."
        if job.flash
        else "Attention is unfused: the whole score matrix is computed and kept in memory.",
        f"{ZERO[job.zero]}; gradients in {gradients}, parameters in BF16, {beside}.",
        {
            "none": "Nothing is computed twice.",
            "selective": "Backward computes norms, activation functions and unfused scores again.",
            "full": "Backward computes every layer's forward again from its input"
            + (", but for what saves nothing." if job.eager else "."),
        }[job.recompute],
    ]
    if job.tp > 1:
        sentences.append(
            f"Tensor parallelism runs {'with' if job.sp else 'without'} sequence parallelism; what backward sends is"
            " hidden behind the products that do not wait for it."
        )
    if job.cp > 1:
        sentences.append(f"Context parallelism cuts every sequence evenly ({job.context}).")
    if job.model.experts:
        balance = "evenly" if job.imbalance == 1 else f"with {job.imbalance:g} times the mean on the busiest rank"
        sentences.append(f"Tokens go to experts {balance}, in BF16; no token is dropped.")
    if job.stalls:
        sentences.append(
            f"Each GPU's host stalls for {job.stalls:.3%} of the time it computes, at moments of its own, and holds up"
            " all others."
        )
    if not job.slowdown:
        sentences.append("Communication does not slow computing down.")
    return tuple(sentences)
