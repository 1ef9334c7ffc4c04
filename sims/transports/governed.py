"""Sprayed flows whose senders or receivers slow them down: where control leaves queues at its fixed point, what of
these a port does not hold, and what flows lose by it.

At receivers' ports one law rules, on all other links another: credit keeps empty only the port that it is given for.
Whatever rules, flows begin with a window at line rate; where several begin together, what the port does not hold of
that is sent a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .control import Law, Windows
from .controlled import waits_s
from .delays import Delays, delays
from .packets import Packets
from .spray import Spraying, carry_sprayed
from .standing import Meeting, Standing, any_of, at_ends, in_order, meeting, receivers, standing
from .subflows import Batch, Delivery, Floats, Lines, Queues
from .trimming import Overflow


@dataclass(frozen=True)
class Government:
    """The laws at receivers' `ports` and `inside` the network (None: the same), what ports do with too much, and the
    windows that flows begin with where control has yet to act; None: the law at ports knows them."""

    ports: Law
    inside: Law | None
    overflow: Overflow
    first: Windows | None = None


def carry_governed(
    rules: Government, spraying: Spraying, packets: Packets, lines: Lines, batch: Batch, certify: bool
) -> Delivery:
    """Carry the batch under its laws."""
    free, narrow = carry_sprayed(spraying, packets, lines, batch, certify)
    meet = _several_meet(lines, batch)
    if not (meet or narrow):
        return free
    delay, delivery = delays(packets, lines, batch), free
    if narrow or rules.inside is None:
        found = meeting(packets, lines, in_order(lines.fabric, batch), free.finish_s, delay)
        stands = _at_rest(rules, found)
        delivery = _past(stands, spraying, packets, lines, batch, certify)
    if meet and rules.first is not None:
        delivery = _after_first_windows(rules, rules.first, spraying.pace, packets, lines, batch, delay, delivery)
    return delivery


def _several_meet(lines: Lines, batch: Batch) -> bool:
    """Whether a receiver has more than one flow."""
    flows = batch.flows.where(receivers(lines.fabric))
    return bool((np.bincount(flows.links, flows.shares, 1) > 1).any())


def _at_rest(rules: Government, found: Meeting) -> Standing:
    """What the laws leave on the links that limit flows, but no more than is ever on its way there."""
    law = rules.ports.steady(found.links).queue_bytes
    if rules.inside is not None:
        law = np.where(found.at_receiver, law, rules.inside.steady(found.links).queue_bytes)
    queue = np.where(found.limiting, np.minimum(law, found.links.flows * found.mean_bytes), 0.0)
    lost_bytes_per_s = rules.overflow.lost_bytes_per_s(found.links, queue, found.offered_bps)
    room = rules.overflow.utilisation(found.links, lost_bytes_per_s)
    through = room * found.links.capacity_bytes_per_s
    queue = np.minimum(queue, rules.overflow.room_bytes(found.links))
    return standing(found, queue, lost_bytes_per_s / (lost_bytes_per_s + through), rules.overflow, room)


def _past(
    stands: Standing, spraying: Spraying, packets: Packets, lines: Lines, batch: Batch, certify: bool
) -> Delivery:
    """The batch past what stands: it waits for it, and sends the losses of its last window again."""
    wait_s = waits_s(lines, batch, stands.queue_bytes)
    delivery = carry_sprayed(spraying, packets, lines, batch, certify, stands.room, wait_s).delivery
    again_s = stands.retry_s_of(batch.flows) * any_of(stands, packets, batch, packets.window_bytes)
    worst = int(np.argmax(stands.lost))
    note = f"Buffers overflow: {stands.lost[worst]:.1%} of the packets for {lines.fabric.link_label(worst)} are lost "
    return replace(
        delivery,
        finish_s=delivery.finish_s + again_s,
        queues=Queues(np.zeros(lines.fabric.links), stands.queue_bytes),
        notes=(note + "or trimmed.",) if stands.lost[worst] > 0 else (),
    )


def _after_first_windows(
    rules: Government,
    first: Windows,
    pace: float,
    packets: Packets,
    lines: Lines,
    batch: Batch,
    delay: Delays,
    delivery: Delivery,
) -> Delivery:
    """Later by the headers of packets cut in the first round trip; sooner, as what the port holds of that keeps it busy
    where credit alone would leave it a little idle; and not before what was lost has been sent again."""
    overflow, ends, trip_s = rules.overflow, at_ends(lines.fabric, batch), np.nan_to_num(delay.round_s)
    found = meeting(packets, lines, ends, batch.start_s + trip_s, delay)
    begun, lasts_s = _begun(first, found)
    left = np.where(found.limiting, np.maximum(begun - found.links.capacity_bytes_per_s * lasts_s, 0.0), 0.0)
    too_much = np.maximum(left - overflow.room_bytes(found.links), 0.0)
    lost = np.divide(too_much, begun, out=np.zeros_like(begun), where=too_much > 0)
    stands = standing(found, np.zeros_like(lost), lost, overflow, np.ones_like(lost))
    heads_s = _longest_s(found, ends, too_much * overflow.trimmed_share)
    held_s = _longest_s(found, ends, (left - too_much) / pace)
    sooner_s = np.minimum(held_s, (1 - pace) * (delivery.finish_s - batch.start_s))
    finish_s = delivery.finish_s + heads_s - sooner_s
    soonest_s = batch.start_s + stands.retry_s_of(ends.flows) + delivery.latency_s
    window = np.inf if first.window_bytes is None else first.window_bytes
    late_s = any_of(stands, packets, ends, window) * np.maximum(soonest_s - finish_s, 0.0)
    return replace(delivery, finish_s=finish_s + late_s)


def _longest_s(found: Meeting, batch: Batch, taken_bytes: Floats) -> Floats:
    """Per subflow, the time of these bytes on the link of its way where that is longest."""
    taken_s = found.everywhere(taken_bytes / found.links.capacity_bytes_per_s)
    longest_s = np.zeros(len(batch.flows))
    np.maximum.at(longest_s, batch.flows.owner, taken_s[batch.flows.links])
    return longest_s


def _begun(first: Windows, found: Meeting) -> tuple[Floats, Floats]:
    """What arrives at line rate before control acts, a round trip after the start, and how long that takes."""
    links, offered = found.links, np.maximum(found.offered_bps / 8, 1.0)
    begun = np.minimum(first.in_flight_bytes(links), links.flows * found.mean_bytes)
    lasts_s = np.minimum(begun / offered, links.rtt_s)
    return offered * lasts_s, lasts_s
