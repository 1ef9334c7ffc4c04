"""The operations of a step as a result lists them: size, count, volume, time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .durations import Durations, hop_bytes
from .groups import Groups
from .job import Job
from .work import DIMENSIONS, Message


@dataclass(frozen=True)
class CallRow:
    """An operation of a step: its size as nccl-tests counts it, how often all groups of the job together run it.

    `wire_bytes_per_gpu` is what the mean GPU sends per step (the volume of every algorithm but in-network reduction,
    Chan et al. 2007), `time_us` the time of one call.
    """

    op: str
    dimension: str
    groups: str
    ranks: int
    size_bytes: int
    count: int
    wire_bytes_per_gpu: float
    time_us: float


def wire_bytes(op: str, ranks: int, size_bytes: int) -> float:
    """Bytes that the ranks of one group send together in one call."""
    if op == "send-recv":
        return ranks * size_bytes
    return (2 if op == "all-reduce" else 1) * (ranks - 1) * size_bytes


def call_rows(job: Job, messages: Mapping[Message, int], durations: Durations) -> tuple[CallRow, ...]:
    """Every operation of the step; `messages` are those of `step_messages`."""
    groups = Groups(job)
    rows = []
    for message in sorted(messages, key=lambda each: (DIMENSIONS.index(each.dimension), each)):
        ranks = groups.size(message.groups)
        count = messages[message] * (job.gpus // job.pp // ranks if message.groups != "ends" else job.gpus // job.pp)
        sent = wire_bytes(message.op, ranks, message.size_bytes) * count / job.gpus
        time_us = 1e6 * durations.messages[message]
        rows.append(
            CallRow(
                *(message.op, message.dimension, message.groups, ranks, message.size_bytes, count),
                wire_bytes_per_gpu=sent,
                time_us=time_us,
            )
        )
    if job.pp > 1:
        count = 2 * (job.pp * job.vp - 1) * job.micro_batches * job.data_ranks * job.tp
        slowest_s = float(max(durations.hop_s.max(), durations.back_s.max()))
        size = hop_bytes(job)
        rows.append(CallRow("send-recv", "pp", "pp", 2, size, count, size * count / job.gpus, 1e6 * slowest_s))
    return tuple(rows)
