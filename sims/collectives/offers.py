"""What a collective can be run as: each algorithm under each protocol, with its price."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...fabric.errors import Fault, UnknownNameError, WorkloadError
from ..network import Detail, Network, TransferResult
from ..results import NOTHING, Bottleneck
from . import hierarchical, nvls, nvls_tree, ring, send_recv, tree
from .communicator import Communicator
from .nccl import Cost, costs
from .schedule import Schedule, at_once


def _fits(comm: Communicator) -> str:
    return ""


@dataclass(frozen=True)
class Algorithm:
    """`schedule` lays it out, `unfit` says why a communicator cannot run it; `automatic`: NCCL would choose it."""

    ops: tuple[str, ...]
    schedule: Callable[[Communicator, str], Schedule]
    unfit: Callable[[Communicator], str] = _fits
    automatic: bool = True


ALGORITHMS: Mapping[str, Algorithm] = {
    "ring": Algorithm(ring.OPS, ring.ring),
    "tree": Algorithm(tree.OPS, tree.tree),
    "nvls": Algorithm(nvls.OPS, nvls.nvls, nvls.unfit),
    "nvls-tree": Algorithm(nvls_tree.OPS, nvls_tree.nvls_tree, nvls_tree.unfit),
    "hierarchical": Algorithm(hierarchical.OPS, hierarchical.hierarchical, hierarchical.unfit, automatic=False),
    "send-recv": Algorithm(send_recv.OPS, send_recv.send_recv),
}

OPS = ("all-reduce", "reduce-scatter", "all-gather", "send-recv")

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
    network: Network, comms: Sequence[Communicator], op: str, algorithm: str = "auto", certify: bool = True
) -> tuple[Offer, ...]:
    """Every way to run `op` in these disjoint groups at once.

    Raises UnknownNameError, WorkloadError for an algorithm that does not run this operation here, with the reason.
    """
    if op not in OPS:
        raise UnknownNameError.of("operation", op, OPS)
    found = [
        offer for name in _candidates(comms, op, algorithm) for offer in _priced(network, comms, op, name, certify)
    ]
    return tuple(found)


def _candidates(comms: Sequence[Communicator], op: str, algorithm: str) -> list[str]:
    if algorithm == "auto":
        running = {name: choice for name, choice in ALGORITHMS.items() if op in choice.ops and choice.automatic}
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


def _priced(network: Network, comms: Sequence[Communicator], op: str, name: str, certify: bool) -> list[Offer]:
    """One engine run per phase, at unit size, serves all protocols and sizes."""
    schedule = at_once([ALGORITHMS[name].schedule(comm, op) for comm in comms])
    runs = [network.transfer(p.src, p.dst, p.fraction * _UNIT_BYTES, certify=certify) for p in schedule]
    phase_s = np.array([p.repeats * _moving_s(ran) for p, ran in zip(schedule, runs, strict=True)])
    late_s = [float(ran.latency_s.max(initial=0.0)) for ran in runs]
    slowest = runs[int(phase_s.argmax())].bottleneck
    share = float(phase_s.max() / phase_s.sum()) if phase_s.any() else 0.0
    limit = replace(slowest, utilisation=slowest.utilisation * share)
    if any(comm.generation is None for comm in comms):
        alpha_s = sum(p.steps * late for p, late in zip(schedule, late_s, strict=True))
        choices: Sequence[Cost] = (Cost(None, alpha_s),)
    else:
        choices = _slowest_group([costs(comm, op, name, max(late_s)) for comm in comms])
    busy_s_per_byte = float(phase_s.sum()) / _UNIT_BYTES
    return [Offer(name, _seen(network, cost), cost.wire * busy_s_per_byte, limit) for cost in choices]


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
