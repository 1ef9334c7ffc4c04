"""What data parallelism exchanges for some parameters: gradients summed, parameters collected.

ZeRO (Rajbhandari et al. 2020): 0 sums gradients everywhere; 1 and 2 scatter their sums and collect the parameters
that their owners have updated, once a step; 3 collects parameters before each use, forward and backward, and scatters
gradients after each micro-batch (FSDP, Zhao et al. 2023). Where `shard` ranks hold a copy, sums go on between the
copies (HSDP). Experts are exchanged between the ranks that hold the same ones.
"""

from __future__ import annotations

from .job import Job
from .work import DATA, EXPERT_DATA, PARAMETER_BYTES, REPLICAS, SHARD, Message

Messages = tuple[Message, ...]


def sum_gradients(job: Job, parameters: int, expert: bool = False) -> Messages:
    groups, ranks = _sharing(job, expert)
    size = parameters * job.gradient_bytes
    if size == 0 or (job.expert_ranks if expert else job.data_ranks) == 1:
        return ()
    if job.zero == 0:
        return (Message("all-reduce", EXPERT_DATA if expert else DATA, size),)
    scattered = (Message("reduce-scatter", groups, size),) if ranks > 1 else ()
    if groups != SHARD:
        return scattered
    return (*scattered, Message("all-reduce", REPLICAS, size // ranks))


def collect_parameters(job: Job, parameters: int, expert: bool = False) -> Messages:
    groups, ranks = _sharing(job, expert)
    if job.zero == 0 or ranks == 1 or parameters == 0:
        return ()
    return (Message("all-gather", groups, parameters * PARAMETER_BYTES),)


def _sharing(job: Job, expert: bool) -> tuple[str, int]:
    """The kind of group that shards parameters, and its ranks."""
    if expert:
        return EXPERT_DATA, job.expert_ranks
    return (DATA, job.data_ranks) if job.shard == job.data_ranks else (SHARD, job.shard)
