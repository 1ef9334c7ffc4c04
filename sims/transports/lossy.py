"""A network that drops what its buffers cannot hold, and senders that send it again.

Where no law slows senders down, a port offered more than it carries fills its buffer, and then loses the rest: of B
bytes p = 1 - C / offered - buffer / B, or nothing where the buffer takes all that is too much. With selective repeat
every packet that gets through counts. With go-back-N a loss throws away the window sent behind it, so a packet is sent
1 + p W / (1 - p) times over (Schwartz, "Telecommunication Networks", 1987, section 4.2; W packets sent in one round
trip, the full buffer's wait included), and of what gets through 1 / (1 - p + p W) counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .contention import crowd
from .controlled import most_bps
from .delays import delays
from .fair import share_fairly
from .packets import Packets
from .subflows import Batch, Delivery, Floats, Lines


@dataclass(frozen=True)
class Lossy:
    """`buffer_bytes` of a port, and whether a loss costs the window behind it."""

    buffer_bytes: float
    go_back: bool

    def kept(self, loss: Floats, window_packets: Floats) -> Floats:
        """Of what gets through, the part that counts."""
        if not self.go_back:
            return np.ones_like(loss)
        return np.asarray(1 / (1 - loss + loss * np.maximum(window_packets, 1.0)))


def carry_lossy(lossy: Lossy, packets: Packets, lines: Lines, batch: Batch, certify: bool) -> Delivery:
    """Carry the batch at line rate, losses sent again."""
    delay = delays(packets, lines, batch)
    fair_s = share_fairly(packets, lines, batch, certify).finish_s
    found = crowd(lines, batch, fair_s, delay, most_bps(packets, delay))
    told = found.all
    flows = batch.flows
    wire_bytes = np.bincount(flows.links, flows.shares * packets.wire_bytes(batch.size_bytes)[flows.owner])[found.links]
    too_much = 1 - told.capacity_bps / np.maximum(found.offered_bps, 1.0)
    loss = np.where(found.contended, np.maximum(too_much - lossy.buffer_bytes / wire_bytes, 0.0), 0.0)
    trip_s = told.rtt_s + 8 * np.where(found.contended, lossy.buffer_bytes, 0.0) / told.capacity_bps
    window = found.offered_bps / told.flows / 8 * trip_s / packets.mtu_bytes
    payload_bps = lines.payload_bps.copy()
    payload_bps[found.links] *= lossy.kept(loss, window)
    delivery = share_fairly(packets, replace(lines, payload_bps=payload_bps), batch, certify)
    full = int((loss > 0).sum())
    note = f"Buffers overflow at {full} links; the worst loses {loss.max(initial=0.0):.1%} of its packets."
    return replace(delivery, notes=(note,) if full else ())
