"""What a collective can be run as: each algorithm under each protocol, with its price."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, UnknownNameError, WorkloadError
from ...fabric.graph import LinkKind
from ..network import Detail, Network, TransferResult
from ..results import NOTHING, Bottleneck
from ..spent import Links, Spent, Wait, busiest_links
from ..transports import SWITCH, Subflows
from .algorithms import ALGORITHMS, OPS, Algorithm
from .communicator import Communicator
from .cost import Cost, Cut
from .demand import EXPERT_OPS, Call
from .hops import Hops
from .library import automatic, costs
from .runs import Runs
from .schedule import Schedule, Traffic, at_once
from .semantics import prove, too_large

_UNIT_BYTES = 2.0**30
"""The size of the one engine run per algorithm; times of larger and smaller ones follow, as phases are linear in
bytes."""

EXCHANGES = ("all-to-all", "all-to-all-v")
"""Operations whose scale-up share runs at the accelerators' all-to-all rate."""


Expectations = Mapping[str, tuple[Callable[[float], float], ...]]
"""Seconds by size that a library expects of an algorithm, per protocol; none of one that it does not have."""


@dataclass(frozen=True)
class Offer:
    """An algorithm under a protocol: what it costs, and `busy_s_per_byte` of size on the links, where `bottleneck` is
    busy for its `utilisation` of that time. `link_share` of the size goes over each directed link as payload, moved by
    `phases`, whose fractions are what transfers put on links; `link_busy` are the seconds per byte on the wire that
    each link is busy."""

    algorithm: str
    cost: Cost
    busy_s_per_byte: float
    bottleneck: Bottleneck
    link_share: npt.NDArray[np.float64]
    link_busy: npt.NDArray[np.float64]
    phases: tuple[Traffic, ...] = ()
    limits: tuple[tuple[Links, float], ...] = ()
    """Of each phase the links that are busiest in it, and its share of the time in which bytes move."""
    unproven: str = ""
    """Why the schedule was not run on symbolic data, although asked for."""

    def moving_s(self, size_bytes: float) -> float:
        """Time in which bytes move."""
        return self.cost.moving_s(size_bytes, self.busy_s_per_byte)

    def time_s(self, size_bytes: float) -> float:
        return self.cost.waiting_s(size_bytes) + self.moving_s(size_bytes)

    def limit(self, size_bytes: float) -> Bottleneck:
        """What takes most of the time: latency, the protocol's ceiling, or a link."""
        total, moving, waiting = self.time_s(size_bytes), self.moving_s(size_bytes), self.cost.waiting_s(size_bytes)
        if not total > 0:
            return NOTHING
        if waiting > moving:
            steps = " ".join(filter(None, ("steps of", self.algorithm, self.cost.protocol)))
            return Bottleneck("latency", steps, waiting / total)
        busy = size_bytes * self.busy_s_per_byte
        if size_bytes * self.cost.ceiling_s_per_byte > busy:
            return Bottleneck("protocol", f"ceiling of {self.cost.protocol}", moving / total)
        return replace(self.bottleneck, utilisation=self.bottleneck.utilisation * busy / total)

    def spent(self, size_bytes: float) -> Spent:
        """What its time goes into."""
        moving_s = self.moving_s(size_bytes)
        links_s = min(size_bytes * self.busy_s_per_byte, moving_s)
        waits = tuple(Wait(links, share * links_s) for links, share in self.limits if share)
        return Spent(self.cost.waiting_s(size_bytes), moving_s - sum(wait.seconds for wait in waits), waits)


def chosen(offered: Sequence[Offer], size_bytes: float, algorithm: str = "auto") -> Offer:
    """What runs at this size: by the expectation of the accelerators' library where it has one, else, where it has the
    same of several, and for `best`, the fastest."""
    known = [offer for offer in offered if offer.cost.expected_s is not None]
    if not known or algorithm == "best":
        return min(offered, key=lambda offer: offer.time_s(size_bytes))
    return min(known, key=lambda offer: (_expected_s(offer, size_bytes), offer.time_s(size_bytes)))


def _expected_s(offer: Offer, size_bytes: float) -> float:
    assert offer.cost.expected_s is not None
    return offer.cost.expected_s(size_bytes)


def expectations(network: Network, comms: Sequence[Communicator], op: str) -> Expectations:
    """What the accelerators' library expects of each algorithm that `auto` considers."""
    return {
        name: tuple(cost.expected_s for cost in costs(network, comms, op, name, ()) if cost.expected_s is not None)
        for name in _candidates(network, comms, op, "auto")
    }


def favoured(expected: Expectations, size_bytes: float) -> list[str]:
    """The algorithms among which `chosen` finds what runs at this size: the library's own choice, all where it has
    none."""
    known = [name for name, protocols in expected.items() if protocols]
    if not known:
        return list(expected)
    return [min(known, key=lambda name: min(expected_s(size_bytes) for expected_s in expected[name]))]


def offers(
    network: Network,
    comms: Sequence[Communicator],
    op: str | Call,
    algorithm: str = "auto",
    certify: bool = True,
    runs: Runs | None = None,
) -> tuple[Offer, ...]:
    """Every way to run `op` in these disjoint groups at once. Of `runs` on this network those needed are taken, and
    those made are added.

    Raises UnknownNameError, WorkloadError for an algorithm that does not run this operation here, with the reason.
    """
    call = op if isinstance(op, Call) else Call(op)
    if call.op not in OPS:
        raise UnknownNameError.of("operation", call.op, OPS)
    return tuple(
        offer
        for name in _candidates(network, comms, call.op, algorithm)
        for schedules in _laid_out(network, comms, call, name)
        for offer in _priced(network, comms, call, name, schedules, certify, runs or Runs())
    )


def _laid_out(network: Network, comms: Sequence[Communicator], call: Call, name: str) -> Iterator[tuple[Schedule, ...]]:
    """Each way to lay the algorithm out, for all groups."""
    return zip(*(ALGORITHMS[name].schedules(network, comm, call) for comm in comms), strict=True)


def _candidates(network: Network, comms: Sequence[Communicator], op: str, algorithm: str) -> list[str]:
    if algorithm in ("auto", "best"):
        running = {
            name: choice
            for name, choice in ALGORITHMS.items()
            if op in (choice.automatic if algorithm == "auto" else choice.ops)
        }
        able = [name for name, choice in running.items() if not _reasons(network, comms, choice)]
        return automatic(comms[0], op, able) if algorithm == "auto" else able
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise UnknownNameError.of("algorithm", algorithm, ("auto", "best", *ALGORITHMS))
    choice = ALGORITHMS[algorithm]
    if op not in choice.ops:
        able = [name for name, other in ALGORITHMS.items() if op in other.ops]
        raise WorkloadError(f"{algorithm} does not run {op}", f"one of auto, {', '.join(able)}")
    reasons = _reasons(network, comms, choice)
    if reasons:
        raise WorkloadError(Fault(f"{algorithm} cannot run here: {reason}", "use auto") for reason in reasons)
    return [algorithm]


def _reasons(network: Network, comms: Sequence[Communicator], choice: Algorithm) -> list[str]:
    """Why these groups cannot run it: one of them, or all at once."""
    alone = sorted({choice.unfit(network, comm) for comm in comms} - {""})
    return alone or [reason for reason in (choice.unfit_together(network, comms),) if reason]


def _priced(
    network: Network,
    comms: Sequence[Communicator],
    call: Call,
    name: str,
    schedules: Sequence[Schedule],
    certify: bool,
    known: Runs,
) -> list[Offer]:
    """One engine run per phase, at unit size, serves all protocols and sizes."""
    unproven = _proven(network, comms, call, schedules) if certify else ""
    inside = _scaleup_wire(comms[0], call.op, name)
    joined, crossings = [], []
    for phase in at_once(schedules):
        crossings.append(_crossing(network, phase))
        joined.append(replace(phase, fraction=phase.fraction * np.where(crossings[-1], 1.0, inside)))
    runs = [_run(network, phase, certify, known) for phase in joined]
    hops = [
        Hops(phase.steps, phase.hops * float(ran.latency_s.max(initial=0.0)), bool(crossing.any()))
        for phase, crossing, ran in zip(joined, crossings, runs, strict=True)
    ]
    cut = _cut(comms, name, joined, hops)
    phase_s = np.array([p.repeats * _moving_s(ran) for p, ran in zip(joined, runs, strict=True)])
    busy_s_per_byte, limit = float(phase_s.sum()) / _UNIT_BYTES, _slowest(runs, phase_s)
    link_bytes = np.sum([p.repeats * ran.link_bytes for p, ran in zip(joined, runs, strict=True)], axis=0)
    scale_up = np.isin(network.fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI))
    link_share = link_bytes / np.where(scale_up, inside, 1.0) / _UNIT_BYTES
    shares = link_share, network.busy_s(link_bytes) / _UNIT_BYTES
    limits = _limits(network, runs, phase_s)
    return [
        Offer(name, _seen(network, cost), cost.wire * busy_s_per_byte, limit, *shares, tuple(joined), limits, unproven)
        for cost in (replace(each, cut=cut) for each in costs(network, comms, call.op, name, hops))
    ]


def _cut(comms: Sequence[Communicator], name: str, joined: Sequence[Traffic], hops: Sequence[Hops]) -> Cut | None:
    """Into what the switches take a message, where an algorithm says so: operations of the phases on its own routes."""
    operations = ALGORITHMS[name].operations
    if operations is None:
        return None
    each_s = sum(hop.steps * hop.latency_s for hop, phase in zip(hops, joined, strict=True) if phase.routes is not None)
    return Cut(partial(operations, comms[0]), each_s)


def _slowest(runs: Sequence[TransferResult], phase_s: npt.NDArray[np.float64]) -> Bottleneck:
    """Of the phase that takes most of the time."""
    slowest = runs[int(phase_s.argmax())].bottleneck
    share = float(phase_s.max() / phase_s.sum()) if phase_s.any() else 0.0
    return replace(slowest, utilisation=slowest.utilisation * share)


def _limits(
    network: Network, runs: Sequence[TransferResult], phase_s: npt.NDArray[np.float64]
) -> tuple[tuple[Links, float], ...]:
    shares = phase_s / (phase_s.sum() or 1.0)
    limiting = [busiest_links(ran.link_bytes, network.payload_bps) for ran in runs]
    return tuple((links, share) for links, share in zip(limiting, shares.tolist(), strict=True) if len(links))


def _proven(network: Network, comms: Sequence[Communicator], call: Call, schedules: Sequence[Schedule]) -> str:
    """Prove the schedules of all groups, and say why not where one is too large. Raises InternalError."""
    reasons = []
    for comm, schedule in zip(comms, schedules, strict=True):
        reasons.append(too_large(comm, call, schedule))
        if not reasons[-1]:
            prove(comm, call, schedule, network.fabric)
    return max(reasons)


def _run(network: Network, phase: Traffic, certify: bool, known: Runs) -> TransferResult:
    """A phase on the network at unit size; one that sends the same as another is run once."""
    size_bytes = phase.fraction * _UNIT_BYTES
    if phase.routes is not None:
        return network.run(Subflows.along(phase.routes), size_bytes, np.zeros_like(size_bytes), certify)
    return known.transfer(network, phase.src, phase.dst, size_bytes, certify)


def _crossing(network: Network, phase: Traffic) -> npt.NDArray[np.bool_]:
    """Which transfers leave their scale-up domain."""
    if phase.routes is not None:
        return np.ones(len(phase.src), dtype=bool)
    domain = network.domains
    to_ranks = (phase.src != SWITCH) & (phase.dst != SWITCH)
    return to_ranks & ((domain[phase.src] != domain[phase.dst]) | (domain[phase.src] < 0))


def _scaleup_wire(comm: Communicator, op: str, algorithm: str) -> float:
    """Bytes on scale-up links per byte of payload, in units of a ring's: who sends to all at once reaches less of
    their rate."""
    accelerator = catalogue().accelerators.get(comm.accelerator)
    if accelerator is None or (op not in (*EXCHANGES, *EXPERT_OPS) and algorithm != "all-pairs"):
        return 1.0
    ring, exchange = accelerator.ring_gbps_bytes, accelerator.alltoall_gbps_bytes
    return ring.value / exchange.value if ring and exchange else 1.0


def _seen(network: Network, cost: Cost) -> Cost:
    """What of a cost the network's detail knows."""
    if network.detail == Detail.INFINITE:
        return Cost(cost.protocol, 0.0, expected_s=cost.expected_s)
    if network.detail < Detail.LATENCY:
        return replace(cost, latency_s=0.0, loops=None, fill=None, cut=None)
    return replace(cost, latency_s=cost.latency_s + network.fabric.meta.get("base_latency_s", 0.0))


def _moving_s(ran: TransferResult) -> float:
    return float((ran.finish_s - ran.latency_s).max(initial=0.0))
