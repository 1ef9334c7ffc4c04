"""What a job sends in one step: operations, sizes, counts, and the groups of ranks that run them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .job import Job
from .stages import Buckets
from .units import ACTIVATION_BYTES, GRADIENT_BYTES, PARAMETER_BYTES, Units

Ranks = npt.NDArray[np.int64]

LOSS_BYTES = 4
DIMENSIONS = ("tp", "pp", "dp")


@dataclass(frozen=True)
class Call:
    """One operation of a step: its size as nccl-tests counts it, how often all groups of the job together run it."""

    op: str
    dimension: str
    ranks: int
    size_bytes: int
    count: int

    @property
    def wire_bytes(self) -> int:
        """Bytes that all ranks of all calls send, by the volume every algorithm but in-network reduction moves (Chan
        et al. 2007).
        """
        times = {"all-reduce": 2 * (self.ranks - 1), "send-recv": 1}.get(self.op, self.ranks - 1)
        return times * self.size_bytes * self.count


def step_calls(job: Job, units: Units, buckets: Buckets) -> tuple[Call, ...]:
    """Every operation of one step; dimensions of degree 1 send nothing."""
    calls = []
    if job.tp > 1:
        calls += _tensor_calls(job, units)
    if job.pp > 1:
        hops = 2 * (job.pp * job.vp - 1) * job.micro_batches * job.dp * job.tp
        calls.append(Call("send-recv", "pp", 2, hop_bytes(job), hops))
        if job.model.tied_embeddings:
            calls.append(Call("all-reduce", "pp", 2, units.embedding.parameters * GRADIENT_BYTES, job.dp * job.tp))
    if job.dp > 1:
        for parameters, repeats in zip(*np.unique(buckets.parameters, return_counts=True), strict=True):
            count = int(repeats) * job.tp
            calls.append(Call("reduce-scatter", "dp", job.dp, int(parameters) * GRADIENT_BYTES, count))
            calls.append(Call("all-gather", "dp", job.dp, int(parameters) * PARAMETER_BYTES, count))
    return tuple(calls)


def _tensor_calls(job: Job, units: Units) -> list[Call]:
    pieces = ((units.embedding.calls, 1), (units.layer.calls, job.model.layers), (units.head.calls, 1))
    passes = job.micro_batches * job.dp
    gathers = sum(calls.gathers * repeats for calls, repeats in pieces)
    scatters = sum(calls.scatters * repeats for calls, repeats in pieces)
    reduces = sum(calls.reduces * repeats for calls, repeats in pieces)
    return [
        Call("all-gather", "tp", job.tp, activation_bytes(job), gathers * passes),
        Call("reduce-scatter", "tp", job.tp, activation_bytes(job), scatters * passes),
        Call("all-reduce", "tp", job.tp, loss_bytes(job), reduces * passes),
    ]


def activation_bytes(job: Job) -> int:
    """Activations of one micro-batch between two layers."""
    return job.micro_batch_tokens * job.model.hidden * ACTIVATION_BYTES


def loss_bytes(job: Job) -> int:
    return job.micro_batch_tokens * LOSS_BYTES


def hop_bytes(job: Job) -> int:
    """What one rank sends to the next stage: its share of the sequence."""
    return activation_bytes(job) // job.tp


@dataclass(frozen=True)
class Groups:
    """Who talks to whom: each row the ranks of a tensor, data or tied-embedding group."""

    job: Job

    @property
    def tensor(self) -> Ranks:
        return self.job.ranks.reshape(-1, self.job.tp)

    @property
    def data(self) -> Ranks:
        return self.job.ranks.transpose(0, 2, 1).reshape(-1, self.job.dp)

    @property
    def ends(self) -> Ranks:
        return self.job.ranks[[0, -1]].reshape(2, -1).T

    def senders(self, step: int) -> Ranks:
        """Stages that send to the one `step` (1 or -1) further; without chunks the pipeline is no circle."""
        stages = np.arange(self.job.pp)
        if self.job.vp > 1:
            return stages
        return stages[:-1] if step > 0 else stages[1:]

    def hops(self, step: int) -> tuple[Ranks, Ranks]:
        """Sources and targets of these messages, shape (senders, dp, tp)."""
        senders = self.senders(step)
        return self.job.ranks[senders], self.job.ranks[(senders + step) % self.job.pp]

    def of(self, dimension: str) -> Ranks:
        """The groups that run a dimension's collectives."""
        return {"tp": self.tensor, "dp": self.data, "pp": self.ends}[dimension]
