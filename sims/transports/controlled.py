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
    """A delivery, and the queue that stands in front of each directed link of the fabric while flows meet there."""

    delivery: Delivery
    queue_bytes: Floats
    holds: bool


def carry_controlled(
    law: Law, packets: Packets, lines: Lines, batch: Batch, certify: bool, core_bps: float = np.inf
) -> Settled:
    """Carry the batch under a law; no flow is faster than `core_bps`. Raises InputError where the law cannot work."""
    fair = share_fairly(packets, lines, batch, certify, core_bps)
    delay = delays(packets, lines, batch)
    found = crowd(lines, batch, fair.finish_s, delay, _most_bps(packets, delay, core_bps))
    some, which = _distinct(found)
    steady = law.steady(some)
    used = steady.utilisation[which]
    queue = np.zeros(lines.fabric.links)
    queue[found.links] = np.where(found.contended, steady.queue_bytes[which], 0.0)
    weights = law.weights(np.where(np.isnan(delay.round_s), 1.0, np.maximum(delay.round_s, 1e-9)))
    delivery = fair
    if (used < 1).any() or np.ptp(weights) > 0:
        slowed = lines.payload_bps.copy()
        slowed[found.links] *= used
        delivery = share_fairly(packets, replace(lines, payload_bps=slowed), batch, certify, core_bps, weights)
    waits_s = _waits_s(lines, batch, queue)
    holds = bool(steady.holds[which][found.contended].all())
    contended = Contention(*(column[found.contended] for column in _columns(found)))
    return Settled(
        replace(
            delivery,
            finish_s=delivery.finish_s + waits_s,
            queues=Queues(np.zeros_like(queue), queue),
            notes=tuple(law.warnings(contended)) if found.contended.any() else (),
        ),
        queue,
        holds,
    )


def _most_bps(packets: Packets, delay: Delays, core_bps: float) -> Floats:
    """Per subflow, what window and host let it send, on the wire."""
    most_bps = np.full_like(delay.round_s, core_bps / packets.share)
    if np.isfinite(packets.window_bytes):
        trip_s = np.where(np.isnan(delay.round_s), np.inf, np.maximum(delay.round_s, 1e-12))
        most_bps = np.minimum(most_bps, 8 * packets.window_bytes / trip_s)
    return most_bps


def _columns(found: Crowd) -> tuple[Floats, ...]:
    told = found.all
    return told.capacity_bps, told.flows, told.rtt_s, told.switches


def _distinct(found: Crowd) -> tuple[Contention, npt.NDArray[np.int64]]:
    """What the law is told of links that are alike, once, and which of these each link is."""
    rows = np.column_stack(_columns(found))
    rows[:, 2] = np.round(rows[:, 2], 8)
    unique, which = np.unique(rows, axis=0, return_inverse=True)
    return Contention(*unique.T), which.ravel()


def _waits_s(lines: Lines, batch: Batch, queue: Floats) -> Floats:
    """Per subflow, the queues on its way but for the longest wait: that is of the link that limits it, and its own
    bytes stand there, sent ahead of their time."""
    flows = batch.flows
    wait = 8 * queue[flows.links] / lines.fabric.capacity_bps[flows.links] * flows.shares
    longest = np.zeros(len(flows))
    np.maximum.at(longest, flows.owner, wait)
    return np.bincount(flows.owner, wait, len(flows)) - longest
