"""Attention's core, between its projections: FLOPs, memory traffic, and what context parallelism sends.

Context parallelism cuts the sequence so that causal work is even (both ends of the sequence together). Its three ways:
ring: keys and values travel around the ranks while blocks are computed (Liu et al. 2023); all-gather: every rank
collects all keys and values first (Dubey et al. 2024, section 3.3.2); ulysses: all-to-all turns a share of the
sequence into a share of the heads and back (Jacobs et al. 2023).
"""

from __future__ import annotations

from .job import Job
from .work import ACTIVATION_BYTES, CP, Message, Stretch, Stretches, Work

FLASH_BACKWARD = 2.5
"""Backward FLOPs of FlashAttention over forward: five products for two (Dao 2023, section 4.1)."""
SCORE_PASSES = 4
SCORE_PASSES_BACKWARD = 7
"""Unfused: scores are written, read and written by the softmax, read again. Backward: their gradient is written, the
softmax reads it and its output and writes one, both products with it and the one with the output read."""
DROPOUT_PASSES = 2.5
"""Dropout reads and writes the scores and its mask of one byte, forward and backward."""


def core_forward(job: Job) -> Stretches:
    """Forward of one layer's core with its context-parallel messages."""
    passes = SCORE_PASSES + (DROPOUT_PASSES if job.dropout else 0)
    work = Work(attention_flops=_flops(job), memory_bytes=passes * score_bytes(job))
    if job.cp == 1:
        return (Stretch(work),)
    keys_and_values, queries = _width_bytes(job, job.model.kv_width), _width_bytes(job, job.model.query_width)
    if job.context == "ring":
        return (Stretch(work, beside=(Message("send-recv", CP, keys_and_values),) * (job.cp - 1)),)
    if job.context == "all-gather":
        return (Stretch(work, before=(Message("all-gather", CP, job.cp * keys_and_values),)),)
    scores = _width_bytes(job, job.model.score_width)
    split = tuple(Message("all-to-all", CP, size) for size in (scores, keys_and_values // 2, keys_and_values // 2))
    return (Stretch(work, before=split), Stretch(before=(Message("all-to-all", CP, queries),)))


def core_backward(job: Job) -> Stretches:
    """Backward of `core_forward`."""
    flops = (FLASH_BACKWARD if job.flash else 2) * _flops(job)
    passes = SCORE_PASSES_BACKWARD + (DROPOUT_PASSES if job.dropout else 0)
    work = Work(attention_flops=flops, memory_bytes=passes * score_bytes(job))
    if job.cp == 1:
        return (Stretch(work),)
    keys_and_values, queries = _width_bytes(job, job.model.kv_width), _width_bytes(job, job.model.query_width)
    if job.context == "ring":
        # Keys and values go around again; their gradients begin at the first neighbour and end at home.
        return (Stretch(work, beside=(Message("send-recv", CP, keys_and_values),) * (2 * (job.cp - 1))),)
    if job.context == "all-gather":
        again = (Message("all-gather", CP, job.cp * keys_and_values),)
        return (Stretch(work, before=again), Stretch(before=(Message("reduce-scatter", CP, job.cp * keys_and_values),)))
    scores = _width_bytes(job, job.model.score_width)
    back = tuple(Message("all-to-all", CP, size) for size in (scores, keys_and_values // 2, keys_and_values // 2))
    return (Stretch(work, before=(Message("all-to-all", CP, queries),)), Stretch(before=back))


def score_bytes(job: Job) -> float:
    """Bytes of one copy of the scores; none reach memory in fused attention."""
    if job.flash:
        return 0.0
    return ACTIVATION_BYTES * job.model.heads // job.tp * job.micro_batch * job.seq_len**2


def kept_score_bytes(job: Job) -> float:
    """What unfused attention saves of its scores: the softmax's output, and with dropout its own output and mask
    (Korthikanti et al. 2022, section 4.1)."""
    return score_bytes(job) * (2.5 if job.dropout else 1)


def score_flops(job: Job) -> float:
    """FLOPs of the scores alone, without the values."""
    return _flops(job) / 2


def _flops(job: Job) -> float:
    """Scores and values: causal in fused attention, the whole square in unfused."""
    width = job.model.score_width + job.model.query_width
    return (1 if job.flash else 2) * job.tokens * job.seq_len * width / job.tp


def _width_bytes(job: Job, width: int) -> int:
    """A rank's share of activations `width` wide."""
    return job.tokens * width * ACTIVATION_BYTES // job.tp
