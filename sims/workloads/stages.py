"""Which units each pipeline stage holds, and the gradient buckets they are cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .job import Job
from .units import Units

Counts = npt.NDArray[np.int64]

BUCKET_PARAMETERS = 40_000_000
BUCKET_PARAMETERS_PER_REPLICA = 1_000_000
"""A bucket closes when it holds this many parameters, whichever is more (Megatron-LM,
DistributedDataParallelConfig.bucket_size; from general knowledge).
"""


@dataclass(frozen=True)
class Buckets:
    """Parameters that travel together, in forward order within a stage; one row each.

    `rest` counts the units (embedding, layer, head) from the bucket's first one to the end of its chunk.
    """

    stage: Counts
    chunk: Counts
    parameters: Counts
    rest: Counts

    def __len__(self) -> int:
        return len(self.stage)


def stage_units(job: Job) -> Counts:
    """Units in each chunk of each stage, int64[chunks, stages, 3] of embedding, layers, head.

    Model chunk `c * stages + s` is chunk c of stage s. Where the layers do not divide, stages hold one less from both
    ends inwards: the front ones in their first chunk, the rear ones in their last (Dubey et al. 2024, section 3.3.2).
    """
    short = -job.model.layers % (job.vp * job.pp)
    units = np.zeros((job.vp, job.pp, 3), dtype=np.int64)
    units[:, :, 1] = (job.model.layers + short) // (job.vp * job.pp)
    stages = np.arange(job.pp)
    inwards = np.column_stack((stages, stages[::-1])).ravel()[: job.pp]
    turn, place = np.divmod(np.arange(short), job.pp)
    units[np.where(place % 2 == 0, turn, job.vp - 1 - turn), inwards[place], 1] -= 1
    units[0, 0, 0] = units[-1, -1, 2] = 1
    return units


def unit_parameters(units: Units) -> Counts:
    """Parameters on one GPU of embedding, layer, head."""
    return np.array([units.embedding.parameters, units.layer.parameters, units.head.parameters])


def gradient_buckets(job: Job, units: Units, held: Counts) -> Buckets:
    """The chunks of `stage_units` cut into buckets, from their ends as backward does; a bucket stays within its
    chunk.
    """
    full = max(BUCKET_PARAMETERS, BUCKET_PARAMETERS_PER_REPLICA * job.dp)
    parameters = unit_parameters(units)
    rows = []
    for stage in range(job.pp):
        for chunk in range(job.vp):
            rows += [(stage, chunk, *bucket) for bucket in _cut(held[chunk, stage], parameters, full)]
    table = np.array(rows, dtype=np.int64)
    return Buckets(table[:, 0], table[:, 1], table[:, 2], table[:, 3:])


def _cut(held: Counts, parameters: Counts, full: int) -> list[tuple[int, ...]]:
    buckets, gathered = [], 0
    rest = np.zeros(3, dtype=np.int64)
    kinds = np.repeat(np.arange(3), held)[::-1]
    for place, kind in enumerate(kinds):
        gathered += int(parameters[kind])
        rest[kind] += 1
        if gathered >= full or place == len(kinds) - 1:
            buckets.append((gathered, *rest.tolist()))
            gathered = 0
    return buckets[::-1]
