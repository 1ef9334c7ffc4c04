"""What a collective can be run as: each algorithm under each protocol, with its price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...fabric.errors import Fault, UnknownNameError, WorkloadError
from ..network import Detail, Network, TransferResult
from ..results import NOTHING, Bottleneck
from ..transports import Subflows
from .algorithms import ALGORITHMS, OPS
from .communicator import Communicator
from .demand import Call
from .nccl import Cost, Steps, costs
from .schedule import Schedule, Traffic, at_once
from .semantics import MOST_PROVEN_RANKS, MOST_PROVEN_ROUNDS, prove

_UNIT_BYTES = 2.0**30
"""The size of the one engine run per algorithm; times of larger and smaller ones follow, as phases are linear in
bytes."""


@dataclass(frozen=True)
class Offer:
    """An algorithm under a protocol: `cost.latency_s`, and `busy_s_per_byte` of size on the links, where `bottleneck`
    is busy for its `utilisation` of that time."""

    algorithm: str
    cost: Cost
    busy_s_per_byte: float
    bottleneck: Bottleneck

    def moving_s(self, size_bytes: float) -> float:
        """Time in which bytes move."""
        share = 1.0
        if self.cost.correction and size_bytes >= 64:
            step = int(size_bytes // 64).bit_length() - 1
            share = self.cost.correction[step] if step < len(self.cost.correction) else 1.0
        return size_bytes * max(self.busy_s_per_byte / share, self.cost.ceiling_s_per_byte)

    def time_s(self, size_bytes: float) -> float:
        return self.cost.latency_s + self.moving_s(size_bytes)

    def limit(self, size_bytes: float) -> Bottleneck:
        """What takes most of the time: latency, the protocol's ceiling, or a link."""
        total, moving = self.time_s(size_bytes), self.moving_s(size_bytes)
        if not total > 0:
            return NOTHING
        if self.cost.latency_s > moving:
            steps = " ".join(filter(None, ("steps of", self.algorithm, self.cost.protocol)))
            return Bottleneck("latency", steps, self.cost.latency_s / total)
        busy = size_bytes * self.busy_s_per_byte
        if self.cost.ceiling_s_per_byte * size_bytes >= moving > busy:
            return Bottleneck("protocol", f"ceiling of {self.cost.protocol}", moving / total)
        return replace(self.bottleneck, utilisation=self.bottleneck.utilisation * busy / total)


def offers(
    network: Network,
    comms: Sequence[Communicator],
    op: str | Call,
    algorithm: str = "auto",
    certify: bool = True,
) -> tuple[Offer, ...]:
    """Every way to run `op` in these disjoint groups at once.

    Raises UnknownNameError, WorkloadError for an algorithm that does not run this operation here, with the reason.
    """
    call = op if isinstance(op, Call) else Call(op)
    if call.op not in OPS:
        raise UnknownNameError.of("operation", call.op, OPS)
    return tuple(
        offer
        for name in _candidates(comms, call.op, algorithm)
        for schedules in _laid_out(network, comms, call, name)
        for offer in _priced(network, comms, call.op, name, schedules, certify)
    )


def _laid_out(network: Network, comms: Sequence[Communicator], call: Call, name: str) -> Iterator[tuple[Schedule, ...]]:
    """Each way to lay the algorithm out, for all groups."""
    return zip(*(ALGORITHMS[name].schedules(network, comm, call) for comm in comms), strict=True)


def _candidates(comms: Sequence[Communicator], op: str, algorithm: str) -> list[str]:
    if algorithm == "auto":
        running = {name: choice for name, choice in ALGORITHMS.items() if op in choice.automatic}
        return [name for name, choice in running.items() if not any(choice.unfit(comm) for comm in comms)]
    if algorithm not in ALGORITHMS:
        raise UnknownNameError.of("algorithm", algorithm, ("auto", *ALGORITHMS))
    choice = ALGORITHMS[algorithm]
    if op not in choice.ops:
        able = [name for name, other in ALGORITHMS.items() if op in other.ops]
        raise WorkloadError(f"{algorithm} does not run {op}", f"one of auto, {', '.join(able)}")
    reasons = sorted({choice.unfit(comm) for comm in comms} - {""})
    if reasons:
        raise WorkloadError(Fault(f"{algorithm} cannot run here: {reason}", "use auto") for reason in reasons)
    return [algorithm]


def _priced(
    network: Network, comms: Sequence[Communicator], op: str, name: str, schedules: Sequence[Schedule], certify: bool
) -> list[Offer]:
    """One engine run per phase, at unit size, serves all protocols and sizes."""
    if certify:
        _prove(network, comms, op, schedules)
    joined = at_once(schedules)
    runs = [_run(network, phase, certify) for phase in joined]
    phase_s = np.array([p.repeats * _moving_s(ran) for p, ran in zip(joined, runs, strict=True)])
    late_s = [float(ran.latency_s.max(initial=0.0)) for ran in runs]
    slowest = runs[int(phase_s.argmax())].bottleneck
    share = float(phase_s.max() / phase_s.sum()) if phase_s.any() else 0.0
    limit = replace(slowest, utilisation=slowest.utilisation * share)
    if any(comm.generation is None for comm in comms):
        alpha_s = sum(p.steps * late for p, late in zip(joined, late_s, strict=True))
        choices: Sequence[Cost] = (Cost(None, alpha_s),)
    else:
        steps = [Steps.of(comm, schedule) for comm, schedule in zip(comms, schedules, strict=True)]
        per_comm = [costs(comm, op, name, max(late_s), each) for comm, each in zip(comms, steps, strict=True)]
        choices = _slowest_group(per_comm)
    busy_s_per_byte = float(phase_s.sum()) / _UNIT_BYTES
    return [Offer(name, _seen(network, cost), cost.wire * busy_s_per_byte, limit) for cost in choices]


def _prove(network: Network, comms: Sequence[Communicator], op: str, schedules: Sequence[Schedule]) -> None:
    for comm, schedule in zip(comms, schedules, strict=True):
        if comm.size <= MOST_PROVEN_RANKS and sum(phase.repeats for phase in schedule) <= MOST_PROVEN_ROUNDS:
            prove(comm, op, schedule, network.fabric)


def _run(network: Network, phase: Traffic, certify: bool) -> TransferResult:
    size_bytes = phase.fraction * _UNIT_BYTES
    if phase.routes is None:
        return network.transfer(phase.src, phase.dst, size_bytes, certify=certify)
    return network.run(Subflows.along(phase.routes), size_bytes, np.zeros_like(size_bytes), certify)


def _seen(network: Network, cost: Cost) -> Cost:
    """What of a cost the network's detail knows."""
    if network.detail == Detail.INFINITE:
        return Cost(cost.protocol, 0.0)
    if network.detail < Detail.LATENCY:
        return replace(cost, latency_s=0.0)
    return replace(cost, latency_s=cost.latency_s + network.fabric.meta.get("base_latency_s", 0.0))


def _moving_s(ran: TransferResult) -> float:
    return float((ran.finish_s - ran.latency_s).max(initial=0.0))


def _slowest_group(per_group: Sequence[tuple[Cost, ...]]) -> list[Cost]:
    """Protocol by protocol, the group that waits longest."""
    return [max(choices, key=lambda cost: cost.latency_s) for choices in zip(*per_group, strict=True)]
