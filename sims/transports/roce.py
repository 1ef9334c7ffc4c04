"""RoCEv2: every connection is `qps` queue pairs, each hashed to its own path by ECMP; a transfer ends with its
slowest.

Packet of the default header: Ethernet preamble, frame check and gap 8 + 4 + 12 and header 14 (IEEE 802.3), IPv4 20,
UDP 8, base transport header 12, invariant check 4 bytes (InfiniBand Architecture Specification, annex A17), around
1024 bytes of payload.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...fabric.errors import Fault
from ...fabric.graph import Fabric
from ...fabric.routing import FIVE_TUPLE, Hashing, Router
from .base import Transport
from .control import Law
from .controlled import carry_controlled, filled_bytes
from .lanes import LaneRule
from .lossless import Buffers, carry_lossless
from .lossy import Lossy, carry_lossy
from .packets import Packets
from .pfc import refuse_large_headroom, refuse_small_headroom, reserved_bytes
from .roce_parameters import RoceParameters
from .subflows import Batch, Delivery, Lines, Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 4 + 12 + 14 + 20 + 8 + 12 + 4
MTU_BYTES = 1024 + HEADER_BYTES


PAUSE_S, RESUME_S = 15 * 9000 * 8 / 1e11, 12 * 9000 * 8 / 1e11
"""Thresholds as a link's time, where nothing but pauses slows senders: 15 and 12 jumbo packets at 100 Gbit/s, the
defaults of csg-htsim's RoCE, with which queues have been checked packet by packet. Under a law the question is whether
pauses act at all, which the buffers of real switches decide: those below."""

BUFFER_S, BUFFER_SHARE, RESUME_BYTES = 16e6 / (50e9 / 8), 1 / 8, 3000.0
"""Thresholds where a law keeps queues short: an eighth of what stated headrooms of all its links leave of a switch's
buffer, which is 16 MB per 50 Gbit/s of a port, going on 3 KB below (alibaba-edu/High-Precision-Congestion-Control,
run.py and switch-mmu.cc). Headrooms that nobody states have memory of their own."""

BUFFER_BYTES = 2_500_000
"""Of a port, where nothing pauses: 160 MB of an SN5600 for its 64 ports (catalogue)."""


@dataclass(frozen=True)
class Roce(Transport):
    """`qps` queue pairs per connection; senders slow down by `law`, and are paused by the buffers behind them where
    there is none or where it lets queues grow so far. `pause_bytes`: (xoff, xon) of every link, or None for the
    default; `headroom_bytes` above them, if stated. `lossy`: no pauses. `classes`: where there are several, each with
    pauses of its own."""

    packets: Packets
    qps: int
    law: Law | None
    pause_bytes: tuple[int, int] | None = None
    headroom_bytes: int | None = None
    lossy: Lossy | None = None
    hashing: Hashing = FIVE_TUPLE
    classes: LaneRule | None = None
    name = "roce"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: RoceParameters) -> Roce:
        """Raises SpecError as `Packets.of` does."""
        packets = Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES)
        xoff, xon = parameters.pfc_xoff, parameters.pfc_xon
        buffer = BUFFER_BYTES if parameters.buffer is None else parameters.buffer
        recovery = parameters.loss_recovery
        return cls(
            packets,
            parameters.qps,
            parameters.law(packets.mtu_bytes),
            None if xoff is None or xon is None else (xoff, xon),
            parameters.pfc_headroom,
            None if recovery is None else Lossy(buffer, recovery == "go-back-n"),
            parameters.hashing,
            None if parameters.priorities is None else parameters.classes,
        )

    def rule(self, fabric: Fabric) -> str:
        return "ecmp"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, queue_pair = over_adapters(router, src, dst, self.qps)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], queue_pair, adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, queue_pair, adapter), transfer, back)

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        """Raises SpecError for too small a headroom, FlowError for a deadlock of pauses."""
        if self.headroom_bytes is not None:
            refuse_small_headroom(lines.fabric, self.headroom_bytes)
            refuse_large_headroom(lines.fabric, self.headroom_bytes, self.buffers(lines.fabric).xon_bytes)
        if self.law is not None:
            return self._controlled(self.law, lines, batch, certify)
        if self.lossy is not None:
            return carry_lossy(self.lossy, self.packets, lines, batch, certify)
        if self.classes is None:
            return carry_lossless(self.packets, lines, batch, self.buffers(lines.fabric), certify)
        classed, count = self.classes.given(batch)
        weights = self.classes.shares(count)
        return carry_lossless(self.packets, lines, classed, self.buffers(lines.fabric), certify, weights)

    def level_fault(self) -> Fault | None:
        if self.classes is not None:
            return None
        cure = "set transport.cc=none and transport.priorities, or leave the column out"
        return Fault("does nothing: all flows are of one priority", cure, field="sl")

    def _controlled(self, law: Law, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        """Under the law; and with pauses or losses where its queues are longer than buffers allow."""
        settled = carry_controlled(law, self.packets, lines, batch, certify)
        if self.lossy is not None:
            if (settled.queue_bytes <= self.lossy.buffer_bytes).all():
                return settled.delivery
            late = carry_lossy(self.lossy, self.packets, lines, batch, certify)
            most = f"{settled.queue_bytes.max():.0f} bytes, a port has {self.lossy.buffer_bytes:g}"
            return replace(late, notes=(f"{law.name} lets a queue grow to {most}: packets are lost.", *late.notes))
        over = filled_bytes(lines, batch, settled.queue_bytes) - self.buffers(lines.fabric).xoff_bytes
        if not (over > 0).any():
            return settled.delivery
        where = lines.fabric.link_label(int(np.argmax(over)))
        note = f"{law.name} lets queues grow {over.max():.0f} bytes beyond the pause threshold behind {where}"
        notes = settled.delivery.notes
        if (batch.flows.shares < 1.0).any():
            note += "; of packets spread over paths no pauses are told."
            return replace(settled.delivery, notes=(note, *notes))
        paused = carry_lossless(self.packets, lines, batch, self.buffers(lines.fabric), certify)
        return replace(paused, notes=(note + ": PFC acts.", *notes))

    def buffers(self, fabric: Fabric) -> Buffers:
        """At which bytes each link is paused and goes on."""
        byte_rate = fabric.capacity_bps / 8
        if self.pause_bytes is not None:
            return Buffers(*(np.full(fabric.links, float(side)) for side in self.pause_bytes))
        if self.law is not None:
            xoff = BUFFER_SHARE * (BUFFER_S * byte_rate - reserved_bytes(fabric, self.headroom_bytes or 0))
            return Buffers(xoff, xoff - RESUME_BYTES)
        return Buffers(PAUSE_S * byte_rate, RESUME_S * byte_rate)

    def assumptions(self) -> list[str]:
        sentence = (
            f"RoCE: ECMP, queue pairs per connection: {self.qps}; {self.packets.share:.4g} of the line rate is payload."
        )
        full = "full buffers pause them (PFC)" if self.lossy is None else "buffers overflow, and losses are sent again"
        if self.law is None:
            return [sentence, f"Senders run at line rate until {full}."]
        return [sentence, self.law.assumption()]
