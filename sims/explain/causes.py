"""Completion times, split by cause.

Each row is a difference between two runs that differ in one thing, as in the ledger of a training step: rows are
signed, and their sum is the completion time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..network import Detail, Network
from .case import Case, Floats

MEANINGS: Mapping[str, str] = {
    "line rate": "its bytes at the rate of the slowest link on its way",
    "header": "what of that rate is no payload",
    "latency": "cables, switches, packets and hosts on an empty network",
    "window": "what window and host hold back on an empty network",
    "sharing": "others on the wiring, were all traffic spread evenly",
    "collision": "paths as chosen, against an even spread",
    "head-of-line": "buffers that are full with others' bytes",
    "rate control": "senders slowed down by their law",
}
ALONE = ("line rate", "header", "latency", "window")
"""Those that an empty network has, too."""

_ROUNDING = 1e-6
_SLOW = 1.001
"""Slowdown from which a flow has a cause."""


@dataclass(frozen=True)
class Causes:
    """Per cause the seconds that it adds to each flow's completion."""

    seconds: Mapping[str, Floats]

    @property
    def fct_s(self) -> Floats:
        return np.sum(list(self.seconds.values()), axis=0)

    @property
    def empty_network_s(self) -> Floats:
        """Completion time of each flow on an empty network."""
        return np.sum([self.seconds[cause] for cause in ALONE], axis=0)

    @property
    def slowdown(self) -> Floats:
        """Completion time over that on an empty network; 1 for what takes no time at all."""
        empty_s = self.empty_network_s
        return np.divide(self.fct_s, empty_s, out=np.ones_like(empty_s), where=empty_s > 0)

    @property
    def main(self) -> list[str]:
        """The cause that adds most to each flow's slowdown, or `none`."""
        shared = [cause for cause in self.seconds if cause not in ALONE]
        most = np.argmax([self.seconds[cause] for cause in shared], axis=0)
        return [shared[at] if slow else "none" for at, slow in zip(most, self.slowdown > _SLOW, strict=True)]


def causes(network: Network, case: Case) -> Causes:
    """The rows of every flow. Raises what running the flows again raises."""
    line_s, payload_s = (_slowest_s(case, rate) for rate in (network.fabric.capacity_bps, network.payload_bps))
    routed = network.at(Detail.ROUTING)
    shared_s = routed_s = routed.run(case.flows, case.size_bytes, case.start_s, certify=False).finish_s - case.start_s
    alone_s, latency_s = _alone_s(routed, case, routed_s)
    window_s = alone_s - latency_s - payload_s
    window_s[np.abs(window_s) <= _ROUNDING * alone_s] = 0.0
    alone_s = latency_s + payload_s + window_s
    rows = {"line rate": line_s, "header": payload_s - line_s, "latency": latency_s, "window": window_s}
    if not case.given_routes:
        wiring = network.at(Detail.WIRING)
        spread = wiring.subflows(case.src, case.dst)
        shared_s = wiring.run(spread, case.size_bytes, case.start_s, certify=False).finish_s - case.start_s
    rows["sharing"] = shared_s - alone_s
    if not case.given_routes:
        rows["collision"] = routed_s - shared_s
    rows["head-of-line" if case.pushed_back else "rate control"] = case.finish_s - case.start_s - routed_s
    return Causes(rows)


def _alone_s(routed: Network, case: Case, shared_s: Floats) -> tuple[Floats, Floats]:
    """Completion and latency of each flow on an empty network: all one after the other, so far apart that none meets
    the one before."""
    apart_s = np.arange(len(shared_s)) * (1.001 * shared_s.max(initial=0.0))
    ran = routed.run(case.flows, case.size_bytes, apart_s, certify=False)
    return ran.finish_s - apart_s, ran.latency_s


def _slowest_s(case: Case, rate_bps: Floats) -> Floats:
    """Each flow's bytes on each of its links at these rates, the longest."""
    flows, links = case.flows, len(rate_bps)
    place, at = np.unique(flows.transfer[flows.owner] * links + flows.links, return_inverse=True)
    seconds = 8 * np.bincount(at, case.entry_bytes, len(place)) / rate_bps[place % links]
    slowest = np.zeros(len(case.size_bytes))
    np.maximum.at(slowest, place // links, seconds)
    return slowest
