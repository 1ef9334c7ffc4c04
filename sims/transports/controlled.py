"""Flows whose senders slow down by a law of congestion control, at the law's fixed point.

What the law leaves idle is taken off the links, the rest is shared fairly (by the law's weights), and bytes that cross
a contended link without being limited there wait in its standing queue. Whether the fixed point is reached in the life
of a flow is not asked: transients are the business of a finer rung.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .contention import Crowd, crowd
from .control import Contention, Law
from .delays import Delays, delays
from .fair import share_fairly
from .packets import Packets
from .subflows import Batch, Delivery, Floats, Lines, Queues


@dataclass(frozen=True)
class Settled:
    """A delivery, the queue that stands in front of each directed link of the fabric while flows meet there, and
    whether the law finds its balance on all of them."""

    delivery: Delivery
    queue_bytes: Floats
    holds: bool


def carry_controlled(
    law: Law, packets: Packets, lines: Lines, batch: Batch, certify: bool, core_bps: float = np.inf
) -> Settled:
    """Carry the batch under a law; no flow is faster than `core_bps`. Raises InputError where the law cannot work."""
    delay = delays(packets, lines, batch)
    found = crowd(lines, batch, _ends_s(packets, lines, batch, core_bps), delay, most_bps(packets, delay, core_bps))
    some, which = _distinct(found)
    steady = law.steady(some)
    queue, payload_bps = np.zeros(lines.fabric.links), lines.payload_bps.copy()
    queue[found.links] = np.where(found.contended, steady.queue_bytes[which], 0.0)
    payload_bps[found.links] *= steady.utilisation[which]
    weights = law.weights(np.where(np.isnan(delay.round_s), 1.0, np.maximum(delay.round_s, 1e-9)))
    delivery = share_fairly(
        packets,
        replace(lines, payload_bps=payload_bps),
        batch,
        certify,
        core_bps,
        None if np.ptp(weights) == 0 else weights,
        delay,
    )
    met = np.unique(which[found.contended])
    contended = Contention(some.capacity_bps[met], some.flows[met], some.rtt_s[met], some.switches[met])
    delivery = replace(
        delivery,
        finish_s=delivery.finish_s + waits_s(lines, batch, queue),
        queues=Queues(np.zeros_like(queue), queue),
        notes=tuple(law.warnings(contended)) if len(met) else (),
    )
    return Settled(delivery, queue, bool(steady.holds[met].all()))


def _ends_s(packets: Packets, lines: Lines, batch: Batch, core_bps: float) -> Floats:
    """When each subflow is about done: as if no queue stood anywhere. Those that start together all meet."""
    if np.ptp(batch.start_s) == 0 if len(batch.start_s) else True:
        return np.full_like(batch.start_s, np.inf)
    return share_fairly(packets, lines, batch, False, core_bps).finish_s


def most_bps(packets: Packets, delay: Delays, core_bps: float = np.inf) -> Floats:
    """Per subflow, what window and host let it send, on the wire."""
    most = np.full_like(delay.round_s, core_bps / packets.share)
    if np.isfinite(packets.window_bytes):
        trip_s = np.where(np.isnan(delay.round_s), np.inf, np.maximum(delay.round_s, 1e-12))
        most = np.minimum(most, 8 * packets.window_bytes / trip_s)
    return most


def filled_bytes(lines: Lines, batch: Batch, queue_bytes: Floats) -> Floats:
    """Per directed link, the bytes that came by it and stand in the queues behind: of each queue, the part of its flows
    that came that way."""
    flows = batch.flows
    count = np.bincount(flows.links, flows.shares, lines.fabric.links)
    follows = flows.owner[1:] == flows.owner[:-1]
    came, goes = flows.links[:-1][follows], flows.links[1:][follows]
    part = flows.shares[1:][follows] / count[goes]
    return np.bincount(came, queue_bytes[goes] * part, lines.fabric.links).astype(np.float64)


def _distinct(found: Crowd) -> tuple[Contention, npt.NDArray[np.int64]]:
    """What the law is told of links that are alike, once, and which of these each link is."""
    told = found.all
    columns = told.capacity_bps, told.flows, np.round(told.rtt_s, 7), np.round(told.switches, 1)
    which = np.zeros(len(told.flows), np.int64)
    for column in columns:
        values, number = np.unique(column, return_inverse=True)
        _, first, which = np.unique(which * len(values) + number, return_index=True, return_inverse=True)
    return Contention(*(column[first] for column in columns)), which


def waits_s(lines: Lines, batch: Batch, queue: Floats) -> Floats:
    """Per subflow, the queues on its way but for the longest wait: that is of the link that limits it, and its own
    bytes stand there, sent ahead of their time."""
    flows = batch.flows
    wait = 8 * queue[flows.links] / lines.fabric.capacity_bps[flows.links] * flows.shares
    longest = np.zeros(len(flows))
    np.maximum.at(longest, flows.owner, wait)
    return np.asarray(np.bincount(flows.owner, wait, len(flows)) - longest)
