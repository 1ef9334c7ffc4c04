"""Which links starve the GPUs of a step: what the network costs by class of link, by rail, and by link.

An operation's exposed GPU-seconds are those of its kind (see exposure), shared between calls of one kind by the time
that they take. They are divided as the time of a call is: into latency, what its protocol adds to the time of its bytes
on the links, and for each of its phases the links that are busiest in it, in equal parts where several are alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.graph import Fabric, LinkKind, NodeKind
from .exposure import ExposedRow
from .results import Bottleneck
from .spent import Spent
from .wires import NetworkWires
from .workloads.calls import CallRow
from .workloads.groups import Groups
from .workloads.job import Job

LINK_KINDS = tuple(kind.name.lower() for kind in LinkKind)
SCALE_UP, PCIE = "scale-up", "pcie"
INSIDE = {LinkKind.NVLINK: SCALE_UP, LinkKind.XGMI: SCALE_UP, LinkKind.PCIE: PCIE}
"""Classes of links inside scale-up domains and servers; the network's are named by the tiers that they join."""
MOST = 10


@dataclass(frozen=True)
class LinkClassRow:
    """GPU-seconds that wait for one class of links (`scale-up`, `pcie`, or the tiers joined: `nic-leaf`, `leaf-spine`),
    for `latency`, or for the `protocol`."""

    link_class: str
    gpu_seconds: float
    fraction: float


@dataclass(frozen=True)
class RailRow:
    """GPU-seconds that wait for links of one rail; None: for what belongs to no rail."""

    rail: int | None
    gpu_seconds: float
    fraction: float


@dataclass(frozen=True)
class LinkRow:
    """A link that limits an operation: the highest `utilisation` it reaches during one, and the GPU-seconds exposed."""

    name: str
    utilisation: float
    gpu_seconds: float


@dataclass(frozen=True)
class ExposedLinks:
    """What the network costs by class of link and by rail, either summing to all of it; and the links at the end of
    which calls wait, at most ten, costliest first."""

    by_link_class: tuple[LinkClassRow, ...]
    by_rail: tuple[RailRow, ...]
    top_links: tuple[LinkRow, ...]


def exposed_links(
    job: Job, calls: Sequence[CallRow], wires: NetworkWires, exposed: Iterable[ExposedRow], step_s: float
) -> ExposedLinks:
    """`exposed` is that of `calls` on `wires`, in a step of `step_s` seconds."""
    costs = list(_call_costs(calls, exposed))
    limits = [call_limit(job, call, wires) for call, _ in costs]
    fabric, whole = wires.network.fabric, step_s * job.gpus
    on_links = np.zeros(fabric.links)
    elsewhere = {"latency": 0.0, "protocol": 0.0}
    for (_, gpu_seconds), (_, spent) in zip(costs, limits, strict=True):
        for wait in spent.waits:
            on_links[wait.links] += gpu_seconds * wait.seconds / spent.total_s / len(wait.links)
        elsewhere["latency"] += gpu_seconds * spent.latency_s / spent.total_s
        elsewhere["protocol"] += gpu_seconds * spent.protocol_s / spent.total_s
    classes = _by_class(fabric, on_links) | elsewhere
    rails = _by_rail(fabric, on_links, sum(elsewhere.values()))
    return ExposedLinks(
        tuple(LinkClassRow(name, cost, cost / whole) for name, cost in classes.items()),
        tuple(RailRow(rail, cost, cost / whole) for rail, cost in rails.items()),
        _top_links((limit, cost) for (limit, _), (_, cost) in zip(limits, costs, strict=True)),
    )


def _call_costs(calls: Sequence[CallRow], exposed: Iterable[ExposedRow]) -> Iterator[tuple[CallRow, float]]:
    """Calls that take time, and the GPU-seconds that each exposes."""
    spent_us: dict[tuple[str, str], float] = defaultdict(float)
    for call in calls:
        spent_us[call.dimension, call.op] += rank_time_us(call)
    cost = {(row.dimension, row.op): row.gpu_seconds for row in exposed}
    for call in calls:
        kind = call.dimension, call.op
        if rank_time_us(call) > 0:
            yield call, cost[kind] * rank_time_us(call) / spent_us[kind]


def rank_time_us(call: CallRow) -> float:
    """Time of all its calls on all their ranks."""
    return call.count * call.ranks * call.time_us


def call_limit(job: Job, call: CallRow, wires: NetworkWires) -> tuple[Bottleneck, Spent]:
    """What a call waits for at its end, and what its time goes into."""
    groups = Groups(job)
    if call.groups == "pp":
        source, target = groups.hops(1)
        sent = source.ravel(), target.ravel(), call.size_bytes
        return wires.send_limit(*sent), wires.send_spent(*sent)
    asked = call.op, groups.of(call.groups), call.size_bytes
    return wires.collective_limit(*asked), wires.collective_spent(*asked)


def _by_class(fabric: Fabric, on_links: npt.NDArray[np.float64]) -> dict[str, float]:
    used = np.flatnonzero(on_links)
    ends = np.sort(fabric.node_kind[np.stack((fabric.link_source[used], fabric.link_target[used]))], axis=0)
    looks, number = np.unique(np.vstack((fabric.link_kind[used], ends)), axis=1, return_inverse=True)
    costs: dict[str, float] = defaultdict(float)
    for look, cost in zip(looks.T.tolist(), np.bincount(number.ravel(), on_links[used]), strict=True):
        costs[link_class(*look)] += float(cost)
    outwards = sorted(costs, key=lambda name: (name != SCALE_UP, name != PCIE))
    return {name: costs[name] for name in outwards}


def link_class(kind: int, lower: int, upper: int) -> str:
    """The class of a link of this LinkKind between nodes of these NodeKinds."""
    inside = INSIDE.get(LinkKind(kind))
    return inside or f"{NodeKind(lower).name.lower()}-{NodeKind(upper).name.lower()}"


def _by_rail(fabric: Fabric, on_links: npt.NDArray[np.float64], elsewhere: float) -> dict[int | None, float]:
    used = np.flatnonzero(on_links)
    rails, number = np.unique(fabric.rail[used], return_inverse=True)
    costs = dict(zip(rails.tolist(), np.bincount(number, on_links[used]).tolist(), strict=True))
    without = costs.pop(-1, 0.0) + elsewhere
    return {**costs, None: without}


def _top_links(costs: Iterable[tuple[Bottleneck, float]]) -> tuple[LinkRow, ...]:
    found: dict[str, LinkRow] = {}
    for limit, gpu_seconds in costs:
        if limit.kind in LINK_KINDS:
            known = found.get(limit.name, LinkRow(limit.name, 0.0, 0.0))
            busiest = max(known.utilisation, limit.utilisation)
            found[limit.name] = LinkRow(limit.name, busiest, known.gpu_seconds + gpu_seconds)
    return tuple(sorted(found.values(), key=lambda row: (-row.gpu_seconds, row.name))[:MOST])
