"""Who talks to whom: the groups of ranks of each kind, and the neighbours along the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .job import Job
from .work import CP, DATA, ENDS, EP, EXPERT_DATA, REPLICAS, SHARD, TP

Ranks = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Groups of a job, each a row of rank numbers."""

    job: Job

    def of(self, kind: str) -> Ranks:
        job = self.job
        rows = {
            TP: (job.pp, job.data_ranks, job.tp, 1),
            CP: (job.pp, job.dp, job.cp, job.tp),
            EP: (job.pp, job.expert_ranks, job.ep, job.tp),
            SHARD: (job.pp, job.data_ranks // job.shard, job.shard, job.tp),
            DATA: (job.pp, 1, job.data_ranks, job.tp),
            EXPERT_DATA: (job.pp, 1, job.expert_ranks, job.ep * job.tp),
            REPLICAS: (job.pp, 1, job.data_ranks // job.shard, job.shard * job.tp),
            ENDS: (1, 1, job.pp, job.data_ranks * job.tp),
        }[kind]
        groups = job.ranks.reshape(rows).swapaxes(2, 3).reshape(-1, rows[2])
        return groups[:, [0, -1]] if kind == ENDS else groups

    def size(self, kind: str) -> int:
        """Ranks of each group of a kind."""
        job = self.job
        return {
            TP: job.tp,
            CP: job.cp,
            EP: job.ep,
            SHARD: job.shard,
            DATA: job.data_ranks,
            EXPERT_DATA: job.expert_ranks,
            REPLICAS: job.data_ranks // job.shard,
            ENDS: 2,
        }[kind]

    def senders(self, step: int) -> Ranks:
        """Stages that send to the one `step` (1 or -1) further; without chunks the pipeline is no circle."""
        stages = np.arange(self.job.pp)
        if self.job.vp > 1:
            return stages
        return stages[:-1] if step > 0 else stages[1:]

    def hops(self, step: int) -> tuple[Ranks, Ranks]:
        """Sources and targets of these messages, shape (senders, dp, cp, tp)."""
        senders = self.senders(step)
        return self.job.ranks[senders], self.job.ranks[(senders + step) % self.job.pp]
