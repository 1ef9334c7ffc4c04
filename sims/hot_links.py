"""The links that a training step waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ..fabric.graph import LinkKind
from .ledger import DimensionRow
from .results import Bottleneck
from .wires import NetworkWires
from .workloads.calls import CallRow
from .workloads.groups import Groups
from .workloads.job import Job

LINK_KINDS = tuple(kind.name.lower() for kind in LinkKind)
MOST = 10


@dataclass(frozen=True)
class LinkRow:
    """A link that limits an operation: the highest `utilisation` it reaches during one, and the GPU-seconds exposed.

    What a parallel dimension exposes is shared between its operations by the time they take.
    """

    name: str
    utilisation: float
    gpu_seconds: float


def top_links(
    job: Job, calls: Iterable[CallRow], wires: NetworkWires, exposed: Iterable[DimensionRow]
) -> tuple[LinkRow, ...]:
    """The limiting links of the step's operations, at most ten, costliest first."""
    rows = list(calls)
    spent: dict[str, float] = defaultdict(float)
    for row in rows:
        spent[row.dimension] += _rank_time(row)
    gpu_seconds = {dimension.dimension: dimension.gpu_seconds for dimension in exposed}
    found: dict[str, LinkRow] = {}
    for row in rows:
        limit = _limit(job, row, wires)
        if limit.kind in LINK_KINDS:
            share = gpu_seconds[row.dimension] * _rank_time(row) / spent[row.dimension]
            known = found.get(limit.name, LinkRow(limit.name, 0.0, 0.0))
            busiest = max(known.utilisation, limit.utilisation)
            found[limit.name] = LinkRow(limit.name, busiest, known.gpu_seconds + share)
    return tuple(sorted(found.values(), key=lambda row: (-row.gpu_seconds, row.name))[:MOST])


def _rank_time(row: CallRow) -> float:
    return row.count * row.ranks * row.time_us


def _limit(job: Job, row: CallRow, wires: NetworkWires) -> Bottleneck:
    groups = Groups(job)
    if row.dimension == "pp" and row.op == "send-recv":
        source, target = groups.hops(1)
        return wires.send_limit(source.ravel(), target.ravel(), row.size_bytes)
    return wires.collective_limit(row.op, groups.of(row.groups), row.size_bytes)
