"""How long each message of a step takes on a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .exchange import collect_parameters, sum_gradients
from .groups import Groups, Ranks
from .job import Job
from .link_sharing import BACK, HOP, Kind, LinkSharing, LinkUse
from .stages import Buckets, Counts
from .units import Units
from .work import ACTIVATION_BYTES, ENDS, Message, Unit

Seconds = npt.NDArray[np.float64]


class Wires(Protocol):
    """What carries a step's communication: groups of ranks (one per row) run one operation at once, pairs of ranks send
    at once."""

    def collective_s(self, op: str, groups: Ranks, size_bytes: int) -> float:
        """Time until every group is through; the size as nccl-tests counts it."""

    def collective_use(self, op: str, groups: Ranks, size_bytes: int) -> LinkUse:
        """What all groups together keep busy meanwhile."""

    def send_s(self, source: Ranks, target: Ranks, size_bytes: int) -> Seconds:
        """Time of each of these transfers."""

    def send_use(self, source: Ranks, target: Ranks, size_bytes: int) -> LinkUse:
        """What all transfers together keep busy until the last has ended."""


@dataclass(frozen=True)
class Durations:
    """Seconds of each message of a step, what kinds of communication that are in flight together do to one another, and
    how many times as long as alone each takes here.

    `hop_s[replica, stage]` takes activations from a stage to the next, `back_s` gradients to the one before.
    """

    messages: Mapping[Message, float]
    hop_s: Seconds
    back_s: Seconds
    sharing: LinkSharing = field(default_factory=LinkSharing)
    slow: Mapping[Kind, float] = field(default_factory=dict)

    def seconds(self, messages: Iterable[Message]) -> float:
        """Time of messages one after another."""
        return sum(self.messages[message] for message in messages)

    def only(self, kept: Collection[Message], hops: bool) -> Durations:
        """The same step with all other communication free; `hops`: whether the pipeline's own is kept."""
        messages = {message: each if message in kept else 0.0 for message, each in self.messages.items()}
        return Durations(messages, hops * self.hop_s, hops * self.back_s, self.sharing)

    def slowed(self, by: Mapping[Kind, float]) -> Durations:
        """The same step where each kind takes so many times as long."""
        each = {message: took * by.get(message.kind, 1.0) for message, took in self.messages.items()}
        hop_s, back_s = by.get(HOP, 1.0) * self.hop_s, by.get(BACK, 1.0) * self.back_s
        return Durations(each, hop_s, back_s, self.sharing, by)


def step_messages(job: Job, units: Units, held: Counts, buckets: Buckets) -> Counter[Message]:
    """Every collective of one step, and how many times a group runs it, summed over stages."""
    counted: Counter[Message] = Counter()
    for unit, number in zip(units.kinds, held.sum(axis=(0, 1)).tolist(), strict=True):
        for message in (*unit.messages, *unit_exchange(job, unit)):
            counted[message] += number * job.micro_batches
    for bucket in (*buckets.sums, *buckets.collects):
        counted.update(bucket)
    if tie := _tied(job, units):
        counted[tie] += 1
    return counted


def unit_exchange(job: Job, unit: Unit) -> tuple[Message, ...]:
    """What ZeRO-3 sends for one unit and micro-batch: parameters before forward and before backward, gradients."""
    return (*unit_collects(job, unit), *unit_collects(job, unit), *unit_sums(job, unit)) if job.zero == 3 else ()


def unit_collects(job: Job, unit: Unit) -> tuple[Message, ...]:
    return collect_parameters(job, unit.parameters) + collect_parameters(job, unit.expert_parameters, expert=True)


def unit_sums(job: Job, unit: Unit) -> tuple[Message, ...]:
    return sum_gradients(job, unit.parameters) + sum_gradients(job, unit.expert_parameters, expert=True)


def tied(job: Job, units: Units) -> tuple[Message, ...]:
    """The sum of the two gradients of a table that the first and the last stage share."""
    message = _tied(job, units)
    return (message,) if message else ()


def _tied(job: Job, units: Units) -> Message | None:
    if job.pp == 1 or not job.model.tied_embeddings:
        return None
    return Message("all-reduce", ENDS, units.embedding.parameters * job.gradient_bytes)


def silent(job: Job, messages: Iterable[Message]) -> Durations:
    """Every message free: the infinitely fast network."""
    hops = np.zeros((job.dp, job.pp))
    return Durations(dict.fromkeys(messages, 0.0), hops, hops)


def measure(job: Job, messages: Mapping[Message, int], wires: Wires) -> Durations:
    """Durations on `wires` of messages and their counts, and what their kinds do to one another."""
    alone = measure_alone(job, messages, wires)
    return replace(alone, sharing=LinkSharing.of(_uses(job, messages, alone, wires)))


def measure_alone(job: Job, messages: Iterable[Message], wires: Wires) -> Durations:
    """Durations on `wires` as if kinds of messages never met: each is run once, by all its groups at the same
    time."""
    groups = Groups(job)
    timed = {each: wires.collective_s(each.op, groups.of(each.groups), each.size_bytes) for each in sorted(messages)}
    free = replace(silent(job, ()), messages=timed)
    if job.pp == 1:
        return free
    return replace(free, hop_s=_hops_s(job, wires, 1), back_s=_hops_s(job, wires, -1))


def _uses(job: Job, messages: Mapping[Message, int], alone: Durations, wires: Wires) -> dict[Kind, LinkUse]:
    """What each kind keeps busy, as the mean over the time of its messages. One that is in flight alone has none."""
    groups = Groups(job)
    listed: dict[Kind, list[tuple[float, LinkUse]]] = {}
    for each, took_s in alone.messages.items():
        if each.groups != ENDS:
            use = wires.collective_use(each.op, groups.of(each.groups), each.size_bytes)
            listed.setdefault(each.kind, []).append((took_s * messages[each], use))
    if job.pp > 1:
        for kind, step in ((HOP, 1), (BACK, -1)):
            source, target = groups.hops(step)
            listed[kind] = [(1.0, wires.send_use(source.ravel(), target.ravel(), hop_bytes(job)))]
    return {kind: LinkUse.mean(each) for kind, each in listed.items()}


def hop_bytes(job: Job) -> int:
    """What one rank sends to the next stage: activations between layers, cut by tensor parallelism in any case (the
    scatter-gather of Narayanan et al. 2021, section 4.1)."""
    return job.tokens * job.model.hidden * ACTIVATION_BYTES // job.tp


def _hops_s(job: Job, wires: Wires, step: int) -> Seconds:
    """Seconds from each stage to the one `step` further, float64[replicas, stages]; the slowest rank of a replica
    governs."""
    groups = Groups(job)
    source, target = groups.hops(step)
    took = wires.send_s(source.ravel(), target.ravel(), hop_bytes(job)).reshape(source.shape)
    hops = np.zeros((job.dp, job.pp))
    hops[:, groups.senders(step)] = took.max(axis=(2, 3)).T
    return hops
