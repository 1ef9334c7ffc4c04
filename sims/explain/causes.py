"""A flow's completion time, split by cause.

Each row is a difference between two runs that differ in one thing, as in the ledger of a training step: rows are
signed, and their sum is the completion time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Detail, Network
from ..transports import Subflows
from .case import Case


@dataclass(frozen=True)
class Cause:
    """`seconds` that `cause` adds to the flow's completion, and what it is in words."""

    cause: str
    seconds: float
    meaning: str


def causes(network: Network, case: Case, flow: int) -> tuple[Cause, ...]:
    """The rows of one flow. Raises what running the flows again raises."""
    own = case.flows.rows(case.flows.transfer == flow)
    line_s = _slowest_s(own, case, flow, network.fabric.capacity_bps)
    payload_s = _slowest_s(own, case, flow, network.payload_bps)
    routed = network.at(Detail.ROUTING)
    alone = routed.run(own, case.size_bytes, case.start_s, certify=False)
    alone_s, latency_s = (float(each[flow]) for each in (alone.finish_s - case.start_s, alone.latency_s))
    rows = [
        Cause("line rate", line_s, "its bytes at the rate of the slowest link on its way"),
        Cause("header", payload_s - line_s, "what of that rate is no payload"),
        Cause("latency", latency_s, "cables, switches, packets and hosts on an empty network"),
        Cause("window", alone_s - latency_s - payload_s, "what window and host hold back on an empty network"),
    ]
    shared_s = routed_s = _time_s(routed, case.flows, case, flow)
    if not case.given_routes:
        wiring = network.at(Detail.WIRING)
        shared_s = _time_s(wiring, wiring.subflows(case.src, case.dst), case, flow)
    rows.append(Cause("sharing", shared_s - alone_s, "others on the wiring, were all traffic spread evenly"))
    if not case.given_routes:
        rows.append(Cause("collision", routed_s - shared_s, "paths as chosen, against an even spread"))
    name = "head-of-line" if case.pushed_back else "rate control"
    meaning = "buffers that are full with others' bytes" if case.pushed_back else "senders slowed down by their law"
    rows.append(Cause(name, float(case.finish_s[flow] - case.start_s[flow]) - routed_s, meaning))
    return tuple(rows)


def _time_s(network: Network, flows: Subflows, case: Case, flow: int) -> float:
    ran = network.run(flows, case.size_bytes, case.start_s, certify=False)
    return float(ran.finish_s[flow] - case.start_s[flow])


def _slowest_s(own: Subflows, case: Case, flow: int, rate_bps: np.ndarray) -> float:
    """The flow's bytes on each of its links at these rates, the longest."""
    load = own.shares * own.part[own.owner] * case.size_bytes[flow]
    links, place = np.unique(own.links, return_inverse=True)
    return float((8 * np.bincount(place, load, len(links)) / rate_bps[links]).max(initial=0.0))
