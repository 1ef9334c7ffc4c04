"""Packets that a port's buffer does not hold: cut to their headers, which go ahead of all others (trimming), or lost.

A window that finds no room goes round all the same. Cut, its packets come as headers, the receiver says so, and they
are sent again after a round trip: s bytes too much in flight arrive at the rate s / (RTT (1 - h (1 + b / (C RTT)))),
each taking the fraction h = trim size / packet of its time on the link. Headers yield to one packet in eleven (Handley
et al., "Re-architecting datacenter networks and stacks for low latency and high performance", SIGCOMM 2017, section
3.1). Lost, they cost the link nothing, and are sent again after a time-out. Buffers and time-out are those of
ultraethernet/uet-htsim, main_uec.cpp: 1 bandwidth-delay product where switches trim, 5 where they do not; 15 us and the
drain of six buffers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .control import Contention
from .subflows import Floats

TRIMMED_RTTS, DROPPED_RTTS = 1.0, 5.0
HEADERS_PER_PACKET = 10
TIMEOUT_S, TIMEOUT_BUFFERS = 15e-6, 6


@dataclass(frozen=True)
class Overflow:
    """Packets of `packet_bytes`, of which `trim_bytes` are sent on (None: nothing), at ports that hold `buffer_bytes`
    (None: as many bandwidth-delay products as above)."""

    packet_bytes: float
    trim_bytes: float | None = None
    buffer_bytes: float | None = None

    @property
    def trimmed_share(self) -> float:
        """Of a packet, what a cut one takes of the link."""
        return (self.trim_bytes or 0.0) / self.packet_bytes

    def room_bytes(self, links: Contention) -> Floats:
        """What a port holds."""
        if self.buffer_bytes is not None:
            return np.full_like(links.flows, self.buffer_bytes)
        return (DROPPED_RTTS if self.trim_bytes is None else TRIMMED_RTTS) * links.bdp_bytes

    def retry_s(self, links: Contention) -> Floats:
        """From the loss of a packet to its being sent again."""
        if self.trim_bytes is not None:
            return links.rtt_s
        return TIMEOUT_S + TIMEOUT_BUFFERS * self.room_bytes(links) / links.capacity_bytes_per_s

    def lost_bytes_per_s(self, links: Contention, queue_bytes: Floats, offered_bps: Floats) -> Floats:
        """Packets that find no room, where windows would have `queue_bytes` stand; senders at line rate offer
        `offered_bps`."""
        too_much = np.maximum(queue_bytes - self.room_bytes(links), 0.0)
        most = np.maximum(offered_bps / 8 - links.capacity_bytes_per_s, 0.0)
        if self.trim_bytes is None:
            return np.minimum(too_much / self.retry_s(links), most)
        share = self.trimmed_share
        slower = np.maximum(1 - share * (1 + self.room_bytes(links) / links.bdp_bytes), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            again = np.where(too_much > 0, too_much / (links.rtt_s * slower), 0.0)
        return np.minimum(again, most / (1 - share))

    def utilisation(self, links: Contention, lost_bytes_per_s: Floats) -> Floats:
        """What headers of cut packets leave of the link to whole ones."""
        share = self.trimmed_share
        least = 1 / (1 + HEADERS_PER_PACKET * share)
        return np.maximum(1 - share * lost_bytes_per_s / links.capacity_bytes_per_s, least)

    def assumption(self) -> str:
        """In one sentence."""
        if self.trim_bytes is None:
            return "Switches drop what their buffers do not hold; senders notice by a time-out."
        return f"Switches trim what their buffers do not hold to {self.trim_bytes:g} bytes; it is sent again at once."
