"""Why each cause of the ledger costs what it does: which operation, at which link, by which mechanism."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..fabric.units import format_si, format_size
from .exposed_links import call_limit, rank_time_us
from .exposure import ExposedRow
from .ledger import NETWORK_RUNGS
from .network import Detail
from .wires import NetworkWires
from .workloads.calls import CallRow, call_rows
from .workloads.durations import Durations
from .workloads.plan import StepPlan

MECHANISMS: Mapping[str, str] = {
    "compute": "the accelerators' own work",
    "pipeline_bubble": "stages wait while the pipeline fills and drains",
    "straggler": "the slowest of the GPUs that compute in step governs",
    "imbalance": "unlike stages, slower accelerators, the busiest expert",
    "serialisation": "bytes at the rate of the ranks' own ports",
    "latency": "steps and hops on the way",
    "oversubscription": "links that all senders together fill, even where traffic splits evenly",
    "collision": "paths by {routing} that load some links above their even share",
    "congestion": "buffers, pauses and rate control of {transport}",
    "overlap": "computing beside communication loses part of its rate",
}


@dataclass(frozen=True)
class Reason:
    """The operation that a cause of the network slows down most at the GPUs' cost: how much longer the cause makes a
    call, where it then waits, and why."""

    cause: str
    dimension: str
    op: str
    size_bytes: int
    added_us: float
    where: str
    mechanism: str

    @property
    def in_words(self) -> str:
        change = format_si(abs(self.added_us) / 1e6, "s")
        length = "longer" if self.added_us > 0 else "shorter"
        call = f"{self.dimension} {self.op} of {format_size(self.size_bytes)}"
        return f"{call}, {change} {length} a call: {self.mechanism}; at {self.where}"


def reasons(
    plan: StepPlan,
    durations: Mapping[Detail, Durations],
    wires: Mapping[Detail, NetworkWires],
    exposed: Iterable[ExposedRow],
) -> tuple[Reason, ...]:
    """One per cause of the network that changes any operation's time. Operations count with the time that the cause
    adds to all their calls, times the share of their time that is exposed in the end."""
    job, messages = plan.job, plan.messages
    final = call_rows(job, messages, durations[max(durations)])
    weight = _exposed_share(final, exposed)
    before_us = dict.fromkeys(map(_key, final), 0.0)
    found = []
    for cause, detail in ((cause, detail) for cause, detail in NETWORK_RUNGS.items() if detail in durations):
        calls = call_rows(job, messages, durations[detail])
        most = max(_added(calls, before_us, weight), key=lambda change: abs(change[0]), default=(0.0, None, 0.0))
        before_us = {_key(call): call.time_us for call in calls}
        _, call, added_us = most
        if call is not None and most[0]:
            limit, _ = call_limit(job, call, wires[detail])
            network = wires[detail].network
            words = MECHANISMS[cause].format(routing=network.rule, transport=network.carrier.name)
            found.append(Reason(cause, call.dimension, call.op, call.size_bytes, added_us, limit.name, words))
    return tuple(found)


def _key(call: CallRow) -> tuple[str, str, int]:
    return call.op, call.groups, call.size_bytes


def _exposed_share(calls: Iterable[CallRow], exposed: Iterable[ExposedRow]) -> dict[tuple[str, str], float]:
    """Exposed GPU-seconds per microsecond of a rank, by operation and dimension."""
    spent_us: dict[tuple[str, str], float] = defaultdict(float)
    for call in calls:
        spent_us[call.dimension, call.op] += rank_time_us(call)
    return {
        (row.dimension, row.op): abs(row.gpu_seconds) / spent_us[row.dimension, row.op]
        for row in exposed
        if spent_us[row.dimension, row.op]
    }


def _added(
    calls: Iterable[CallRow],
    before_us: Mapping[tuple[str, str, int], float],
    weight: Mapping[tuple[str, str], float],
) -> Iterator[tuple[float, CallRow, float]]:
    """Of each call what the cause adds to all of them, weighed, and to one."""
    for call in calls:
        added_us = call.time_us - before_us[_key(call)]
        yield added_us * call.count * call.ranks * weight.get((call.dimension, call.op), 0.0), call, added_us
