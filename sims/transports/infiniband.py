"""InfiniBand: static forwarding tables that see only the destination, so a pair has one path however many queue
pairs, and credits: a packet is sent when the buffer behind the link has room for it.

With congestion control, the default here, senders of a congested port slow down, and others pass. Without it (OpenSM's
default) full buffers hold up whatever stands before them, each ingress port served alike.

Packet of the default header: local route header 8, base transport header 12, invariant and variant check 4 + 2 bytes
(InfiniBand Architecture Specification 1.4, volume 1, chapter 5), around 4096 bytes of payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, LinkKind
from ...fabric.routing import Router, static_rule
from ...fabric.units import Size
from .base import Transport
from .contention import crowd
from .control import InfinibandCc
from .controlled import carry_controlled, most_bps
from .delays import delays
from .lossless import Credits, carry_lossless
from .packets import PacketParameters, Packets
from .subflows import Batch, Delivery, Floats, Lines, Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 12 + 4 + 2
MTU_BYTES = 4096 + HEADER_BYTES
BUFFER_BYTES = 256 * 1024
"""Of one lane at one port: a Quantum-class switch's 16 MB for 64 ports (general knowledge)."""
MOST_HOPS = 400_000
"""Hops of subflows beyond which queues are not walked."""


class InfinibandParameters(PacketParameters):
    """Those of its packets; `buffer`: bytes of a lane at a port, for which credits are given; `cc`: none, or by the
    table of injection delays (cct), with `cc_threshold` 1..15 (15 marks soonest), `cc_timer` in units of 1.024 us and
    `cc_increase` of the index per mark."""

    buffer: Size = BUFFER_BYTES
    cc: Literal["none", "cct"] = "cct"
    cc_threshold: int = Field(default=15, ge=1, le=15)
    cc_timer: int = Field(default=150, ge=1, le=65535)
    cc_increase: int = Field(default=1, ge=1, le=127)

    @model_validator(mode="after")
    def _act(self) -> InfinibandParameters:
        faults = [*self._idle()]
        if faults:
            raise SpecError(faults)
        return self

    def _idle(self) -> Iterator[Fault]:
        for name in ("cc_threshold", "cc_timer", "cc_increase"):
            if self.cc == "none" and name in self.model_fields_set:
                yield Fault("does nothing without cc", "set transport.cc=cct", field=f"transport.{name}")


@dataclass(frozen=True)
class Infiniband(Transport):
    """`buffer_bytes` of a lane at every port; senders slow down by `law` where there is one."""

    packets: Packets
    buffer_bytes: float = BUFFER_BYTES
    law: InfinibandCc | None = None
    name = "infiniband"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: InfinibandParameters) -> Infiniband:
        """Raises SpecError as `Packets.of` does, and for a buffer that holds no packet."""
        packets = Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES)
        if parameters.buffer < packets.mtu_bytes:
            message = f"{parameters.buffer} bytes hold no packet of {packets.mtu_bytes}: no credit is ever given"
            raise SpecError(Fault(message, f"give at least {packets.mtu_bytes}B", field="transport.buffer"))
        law = InfinibandCc(
            packets.mtu_bytes,
            parameters.buffer,
            parameters.cc_threshold,
            timer=parameters.cc_timer,
            increase=parameters.cc_increase,
        )
        return cls(packets, parameters.buffer, None if parameters.cc == "none" else law)

    def rule(self, fabric: Fabric) -> str:
        return static_rule(fabric)

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, _ = over_adapters(router, src, dst)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], adapter=adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, adapter=adapter), transfer, back)

    def limits(self, fabric: Fabric) -> Floats:
        """Headers, and what the credits of one buffer sustain over the round trip of a link."""
        trip = Credits.round_trip_bytes(fabric, self.packets.mtu_bytes)
        sustained = np.where(fabric.link_kind == LinkKind.NETWORK, np.minimum(self.buffer_bytes / trip, 1.0), 1.0)
        return super().limits(fabric) * sustained

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        if self.law is None:
            return self._credited(lines, batch, certify)
        settled = carry_controlled(self.law, self.packets, lines, batch, certify)
        if settled.holds:
            return settled.delivery
        held_back = self._credited(lines, batch, certify)
        return replace(held_back, notes=(*settled.delivery.notes, *held_back.notes))

    def _credited(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        """By credits alone, which hold nothing up where no more is offered than fits."""
        fair = self.allocate(lines, batch, certify)
        delay = delays(self.packets, lines, batch)
        if not crowd(lines, batch, fair.finish_s, delay, most_bps(self.packets, delay)).contended.any():
            return fair
        if (batch.flows.shares < 1.0).any():
            return replace(fair, notes=("Packets are spread over paths: of their credits nothing is told.",))
        if len(batch.flows.links) > MOST_HOPS:
            note = f"More than {MOST_HOPS:,} hops: queues are not walked, links are shared max-min fairly."
            return replace(fair, notes=(note,))
        credit = Credits(np.full(lines.fabric.links, float(self.buffer_bytes)))
        return carry_lossless(self.packets, lines, batch, credit, certify)

    def assumptions(self) -> list[str]:
        sentence = f"InfiniBand: one static path per pair, {self.packets.share:.4g} of the line rate is payload."
        if self.law is not None:
            return [sentence, self.law.assumption()]
        return [sentence, f"No congestion control: credits for {self.buffer_bytes:g} bytes per link hold senders back."]
