"""Which units each pipeline stage holds, and the gradient buckets they are cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .exchange import Messages, collect_parameters, sum_gradients
from .job import Job
from .units import KINDS, Units

Counts = npt.NDArray[np.int64]

BUCKET_PARAMETERS = 40_000_000
BUCKET_PARAMETERS_PER_REPLICA = 1_000_000
"""A bucket closes when it holds this many parameters, whichever is more (Megatron-LM,
DistributedDataParallelConfig.bucket_size; from general knowledge). Eager FSDP exchanges every unit for itself (Zhao et
al. 2023, section 3).
"""


@dataclass(frozen=True)
class Buckets:
    """Parameters that travel together, in forward order within a stage; one row each.

    `rest` counts the units of each kind from the bucket's first one to the end of its chunk. `sums` and `collects`
    are the messages that exchange it.
    """

    stage: Counts
    chunk: Counts
    parameters: Counts
    rest: Counts
    sums: tuple[Messages, ...]
    collects: tuple[Messages, ...]

    def __len__(self) -> int:
        return len(self.stage)


def stage_kinds(job: Job) -> list[list[list[int]]]:
    """The kinds of units (index into KINDS) in each chunk of each stage, in forward order: `[chunk][stage]`.

    Model chunk `c * stages + s` is chunk c of stage s. Where the layers do not divide, stages hold one less from both
    ends inwards: the front ones in their first chunk, the rear ones in their last (Dubey et al. 2024, section 3.3.2).
    """
    short = -job.model.layers % (job.vp * job.pp)
    layers = np.full((job.vp, job.pp), (job.model.layers + short) // (job.vp * job.pp))
    stages = np.arange(job.pp)
    inwards = np.column_stack((stages, stages[::-1])).ravel()[: job.pp]
    turn, place = np.divmod(np.arange(short), job.pp)
    layers[np.where(place % 2 == 0, turn, job.vp - 1 - turn), inwards[place]] -= 1
    embedding, dense, moe, head = range(len(KINDS))
    first_moe = job.model.layers - job.model.moe_layers
    ends = np.cumsum(layers.ravel()).reshape(layers.shape)
    held = [
        [
            [dense if layer < first_moe else moe for layer in range(end - count, end)]
            for end, count in zip(*row, strict=True)
        ]
        for row in zip(ends.tolist(), layers.tolist(), strict=True)
    ]
    held[0][0].insert(0, embedding)
    held[-1][-1].append(head)
    return held


def stage_units(job: Job) -> Counts:
    """Units in each chunk of each stage by kind, int64[chunks, stages, kinds]."""
    return np.array([[np.bincount(kinds, minlength=len(KINDS)) for kinds in row] for row in stage_kinds(job)])


def unit_parameters(units: Units, expert: bool = False) -> Counts:
    """Parameters on one GPU of each kind of unit: those of its experts, or all others."""
    return np.array([unit.expert_parameters if expert else unit.parameters for unit in units.kinds])


def gradient_buckets(job: Job, units: Units) -> Buckets:
    """The chunks cut into buckets, from their ends as backward does; a bucket stays within its chunk, and experts
    apart from the rest. None where every unit is exchanged for itself (ZeRO-3)."""
    rows: list[tuple[int, ...]] = []
    sums: list[Messages] = []
    collects: list[Messages] = []
    for expert in (False, True):
        ranks = job.expert_ranks if expert else job.data_ranks
        if ranks == 1 or job.zero == 3:
            continue
        full = 1 if job.eager else max(BUCKET_PARAMETERS, BUCKET_PARAMETERS_PER_REPLICA * ranks)
        parameters = unit_parameters(units, expert)
        for chunk, row in enumerate(stage_kinds(job)):
            for stage, kinds in enumerate(row):
                cut = _cut(kinds, parameters, full)
                rows += [(stage, chunk, *bucket) for bucket in cut]
                sums += [sum_gradients(job, bucket[0], expert) for bucket in cut]
                collects += [collect_parameters(job, bucket[0], expert) for bucket in cut]
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 3 + len(KINDS))
    order = np.lexsort((-table[:, 3:].sum(axis=1), table[:, 1], table[:, 0]))
    table = table[order]
    sums, collects = [sums[place] for place in order], [collects[place] for place in order]
    return Buckets(table[:, 0], table[:, 1], table[:, 2], table[:, 3:], tuple(sums), tuple(collects))


def _cut(kinds: list[int], parameters: Counts, full: int) -> list[tuple[int, ...]]:
    """(parameters, rest by kind) of each bucket."""
    buckets, gathered = [], 0
    rest = np.zeros(len(KINDS), dtype=np.int64)
    for place, kind in enumerate(reversed(kinds), start=1):
        gathered += int(parameters[kind])
        rest[kind] += 1
        if gathered >= full or (place == len(kinds) and gathered):
            buckets.append((gathered, *rest.tolist()))
            gathered = 0
    return buckets[::-1]
