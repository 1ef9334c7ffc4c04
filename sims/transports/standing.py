"""Where flows meet on the switched network, and what stands and is lost there, per link and per flow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric, LinkKind, NodeKind
from .contention import Crowd, crowd
from .control import Contention
from .controlled import most_bps
from .delays import Delays
from .packets import Packets
from .subflows import Batch, Floats, Lines, Subflows
from .trimming import Overflow

Mask = npt.NDArray[np.bool_]

_SAME = 1e-9


@dataclass(frozen=True)
class Meeting:
    """Links that carry anything, one entry each: what a law is told of them, what senders at line rate offer, the mean
    bytes on the wire of their flows, whether they lead to a receiver, and whether they limit a flow."""

    fabric: Fabric
    found: Crowd
    mean_bytes: Floats
    at_receiver: Mask
    limiting: Mask

    @property
    def links(self) -> Contention:
        return self.found.all

    @property
    def offered_bps(self) -> Floats:
        return self.found.offered_bps

    def everywhere(self, values: Floats, elsewhere: float = 0.0) -> Floats:
        """The values of these links as a column of all directed links."""
        return _column(self.fabric, self.found, values, elsewhere)


@dataclass(frozen=True)
class Standing:
    """Per directed link: bytes that wait, the share of packets that find no room, after how long these are sent again,
    and the share of the link that is left to whole packets."""

    queue_bytes: Floats
    lost: Floats
    retry_s: Floats
    room: Floats

    def retry_s_of(self, flows: Subflows) -> Floats:
        """Per subflow, after how long a loss is sent again, where there are any."""
        retry_s = np.zeros(len(flows))
        np.maximum.at(retry_s, flows.owner, np.where(self.lost > 0, self.retry_s, 0.0)[flows.links])
        return retry_s


def standing(found: Meeting, queue_bytes: Floats, lost: Floats, overflow: Overflow, room: Floats) -> Standing:
    """The same of the links found, as columns of all links."""
    retry_s = overflow.retry_s(found.links)
    queue_bytes, lost, retry_s = (found.everywhere(values) for values in (queue_bytes, lost, retry_s))
    return Standing(queue_bytes, lost, retry_s, found.everywhere(room, 1.0))


def any_of(stands: Standing, packets: Packets, batch: Batch, window_bytes: float) -> Floats:
    """Per subflow, how probable it is that a packet of a window is lost."""
    flows = batch.flows
    lost = np.bincount(flows.owner, flows.shares * stands.lost[flows.links], len(flows))
    count = np.minimum(packets.count(batch.size_bytes), max(window_bytes / packets.mtu_bytes, 1.0))
    return np.asarray(1.0 - (1.0 - np.minimum(lost, 1.0)) ** count)


def receivers(fabric: Fabric) -> Mask:
    """Links of the switched network that lead to an end of it."""
    ends = np.isin(fabric.node_kind, (NodeKind.NIC, NodeKind.HOST, NodeKind.ACCELERATOR))
    return np.asarray(ends[fabric.link_target] & (fabric.link_kind == LinkKind.NETWORK))


def _senders(fabric: Fabric) -> Mask:
    return np.asarray(receivers(fabric)[np.arange(fabric.links) ^ 1])


def in_order(fabric: Fabric, batch: Batch) -> Batch:
    """The batch with the links by which it leaves its senders first: a spread has no order."""
    flows = batch.flows
    order = np.lexsort((~_senders(fabric)[flows.links], flows.owner))
    return replace(batch, flows=replace(flows, links=flows.links[order], shares=flows.shares[order]))


def at_ends(fabric: Fabric, batch: Batch) -> Batch:
    """The batch on the links by which it leaves its senders and reaches its receivers, in this order."""
    return in_order(fabric, replace(batch, flows=batch.flows.where(receivers(fabric) | _senders(fabric))))


def meeting(packets: Packets, lines: Lines, batch: Batch, until_s: Floats, delay: Delays) -> Meeting:
    """Where flows in order meet that last from their start `until_s`; those that start together all meet."""
    together = np.ptp(batch.start_s) == 0 if len(batch.start_s) else True
    until_s = np.full_like(until_s, np.inf) if together else until_s
    found = crowd(lines, batch, until_s, delay, most_bps(packets, delay))
    flows, links = batch.flows, lines.fabric.links
    carried = np.bincount(flows.links, flows.shares * packets.wire_bytes(batch.size_bytes)[flows.owner], links)
    mean = carried / np.maximum(np.bincount(flows.links, flows.shares, links), _SAME)
    limiting = _limiting(lines.fabric, batch, found)
    return Meeting(lines.fabric, found, mean[found.links], receivers(lines.fabric)[found.links], limiting)


def _limiting(fabric: Fabric, batch: Batch, found: Crowd) -> Mask:
    """Which links are the narrowest of one of their flows, and are offered more than they carry."""
    flows = batch.flows
    level = _column(fabric, found, found.all.capacity_bps / found.all.flows, np.inf)[flows.links]
    least = np.full(len(flows), np.inf)
    np.minimum.at(least, flows.owner, level)
    held = np.zeros(fabric.links, np.bool_)
    held[flows.links[level <= least[flows.owner] * (1 + _SAME)]] = True
    return np.asarray(held[found.links] & found.contended)


def _column(fabric: Fabric, found: Crowd, values: Floats, elsewhere: float) -> Floats:
    column = np.full(fabric.links, elsewhere)
    column[found.links] = values
    return column
