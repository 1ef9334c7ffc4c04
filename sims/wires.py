"""A network as a training step uses it: groups of ranks run collectives at once, pairs of ranks send at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from .alike import representatives
from .collectives.communicator import Communicator
from .collectives.offers import Expectations, Offer, chosen, expectations, favoured, offers
from .collectives.runs import Runs
from .collectives.schedule import Traffic
from .network import Detail, Network, TransferResult
from .results import Bottleneck
from .spent import Spent, Wait, busiest_links
from .workloads.durations import Seconds
from .workloads.groups import Ranks
from .workloads.link_sharing import LinkUse


@dataclass(frozen=True)
class NetworkWires:
    """`network` with what has been asked of it: an algorithm that some size asks for is run once and serves them all.

    `members` (communicators), what libraries expect (`expected`) and `runs` hold at every detail of the network,
    `priced` and `sent` at this one.
    """

    network: Network
    members: dict[bytes, list[Communicator]] = field(default_factory=dict)
    expected: dict[tuple[str, bytes], Expectations] = field(default_factory=dict)
    priced: dict[tuple[str, bytes, str], tuple[Offer, ...]] = field(default_factory=dict)
    runs: Runs = field(default_factory=Runs)
    sent: dict[tuple[bytes, int], TransferResult] = field(default_factory=dict)

    def at(self, detail: Detail) -> NetworkWires:
        """The same network seen with that much detail."""
        network = self.runs.networks.setdefault(detail, self.network.at(detail))
        return NetworkWires(network, self.members, self.expected, runs=self.runs)

    def at_each(self, details: Iterable[Detail]) -> dict[Detail, NetworkWires]:
        """Those with less detail than this network has, and itself: what takes the same links is run together."""
        self.runs.networks[self.network.detail] = self.network
        less = {detail: self.at(detail) for detail in details if detail < self.network.detail}
        return less | {self.network.detail: self}

    def collective_s(self, op: str, groups: Ranks, size_bytes: int) -> float:
        return self._best(op, groups, size_bytes).time_s(size_bytes)

    def collective_limit(self, op: str, groups: Ranks, size_bytes: int) -> Bottleneck:
        """What the collective waits for."""
        return self._best(op, groups, size_bytes).limit(size_bytes)

    def collective_spent(self, op: str, groups: Ranks, size_bytes: int) -> Spent:
        """What the collective's time goes into."""
        return self._best(op, groups, size_bytes).spent(size_bytes)

    def collective_traffic(self, op: str, groups: Ranks, size_bytes: int) -> list[tuple[Traffic, float]]:
        """What the collective sends, and the bytes on the wire of which each transfer carries its fraction."""
        offer = self._best(op, groups, size_bytes)
        return [(phase, size_bytes * offer.cost.wire) for phase in offer.phases]

    def collective_use(self, op: str, groups: Ranks, size_bytes: int) -> LinkUse:
        """What all groups together keep busy meanwhile."""
        offer = self._best(op, groups, size_bytes)
        return LinkUse.of(size_bytes * offer.cost.wire * offer.link_busy, offer.time_s(size_bytes))

    def send_s(self, source: Ranks, target: Ranks, size_bytes: int) -> Seconds:
        return self._send(source, target, size_bytes).finish_s

    def send_use(self, source: Ranks, target: Ranks, size_bytes: int) -> LinkUse:
        """What all transfers together keep busy until the last has ended."""
        sent = self._send(source, target, size_bytes)
        return LinkUse.of(self.network.busy_s(sent.link_bytes), sent.makespan_s)

    def send_limit(self, source: Ranks, target: Ranks, size_bytes: int) -> Bottleneck:
        """What the slowest transfer waits for."""
        return self._send(source, target, size_bytes).bottleneck

    def send_spent(self, source: Ranks, target: Ranks, size_bytes: int) -> Spent:
        """What the time of the slowest transfer goes into."""
        sent = self._send(source, target, size_bytes)
        slowest = int(np.argmax(sent.finish_s))
        latency_s = float(sent.latency_s[slowest])
        moving_s = float(sent.finish_s[slowest]) - latency_s
        links = busiest_links(sent.link_bytes, self.network.payload_bps)
        return Spent(latency_s, 0.0, (Wait(links, moving_s),)) if len(links) else Spent(latency_s, moving_s, ())

    def _best(self, op: str, groups: Ranks, size_bytes: int) -> Offer:
        key = groups.tobytes() + bytes(str(groups.shape), "ascii")
        if key not in self.members:
            alike = representatives(self.network, groups)
            self.members[key] = [Communicator.of(self.network, group) for group in alike]
        if (op, key) not in self.expected:
            self.expected[op, key] = expectations(self.network, self.members[key], op)
        names = favoured(self.expected[op, key], size_bytes)
        return chosen([offer for name in names for offer in self._priced(op, key, name)], size_bytes)

    def _priced(self, op: str, key: bytes, algorithm: str) -> tuple[Offer, ...]:
        if (op, key, algorithm) not in self.priced:
            self.priced[op, key, algorithm] = offers(
                self.network, self.members[key], op, algorithm, certify=False, runs=self.runs
            )
        return self.priced[op, key, algorithm]

    def _send(self, source: Ranks, target: Ranks, size_bytes: int) -> TransferResult:
        key = (source.tobytes() + target.tobytes(), size_bytes)
        if key not in self.sent:
            sizes = np.full(len(source), float(size_bytes))
            ends = source.astype(np.int32), target.astype(np.int32)
            self.sent[key] = self.runs.transfer(self.network, *ends, sizes, certify=False)
        return self.sent[key]
