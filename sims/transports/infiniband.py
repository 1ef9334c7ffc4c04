"""InfiniBand: static forwarding tables that see only the destination, so a pair has one path however many queue
pairs, and credits: a packet is sent when the buffer behind the link has room for it.

With congestion control, the default here as in NVIDIA's manager for it, senders of a congested port slow down, and
others pass. Without it (OpenSM's default) full buffers hold up whatever stands before them in the same lane, each
ingress port served alike.

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
from .lanes import LaneOfLevel, LaneRule, Weights, lane_faults
from .lossless import Credits, carry_lossless
from .packets import PacketParameters, Packets
from .subflows import Batch, Delivery, Floats, Lines, Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 12 + 4 + 2
MTU_BYTES = 4096 + HEADER_BYTES
BUFFER_BYTES = 256 * 1024
"""Of a port: a Quantum-class switch's 16 MB for 64 ports (general knowledge)."""
LANES = (1, 2, 4, 8, 15)
"""Data lanes that a port can have (InfiniBand Architecture Specification, volume 1, VLCap of section 14.2.5.6)."""
AS_ROUTED = LaneRule(None, LANES)
LANE_KNOBS = {"count": "lanes", "first": "sl2vl", "weights": "lane_weights"}
MOST_HOPS = 400_000
"""Hops of subflows beyond which queues are not walked."""


class InfinibandParameters(PacketParameters):
    """Those of its packets; `buffer`: bytes of a port, for which credits are given, its lanes in equal parts; `cc`:
    none, or by the table of injection delays (cct), with `cc_threshold` 1..15 (15 marks soonest), `cc_timer` in units
    of 1.024 us and `cc_increase` of the index per mark. `lanes`: data lanes of a port, as many as the routing needs
    unless given; `sl2vl`: the lane of each service level from 0 on, the level modulo the lanes unless given;
    `lane_weights` in arbitration, alike unless given."""

    buffer: Size = BUFFER_BYTES
    cc: Literal["none", "cct"] = "cct"
    cc_threshold: int = Field(default=15, ge=1, le=15)
    cc_timer: int = Field(default=150, ge=1, le=65535)
    cc_increase: int = Field(default=1, ge=1, le=127)
    lanes: int | None = None
    sl2vl: LaneOfLevel | None = None
    lane_weights: Weights = ()

    @model_validator(mode="after")
    def _act(self) -> InfinibandParameters:
        faults = [*self._idle(), *self._lane_faults()]
        if faults:
            raise SpecError(faults)
        return self

    def _idle(self) -> Iterator[Fault]:
        for name in ("cc_threshold", "cc_timer", "cc_increase"):
            if self.cc == "none" and name in self.model_fields_set:
                yield Fault("does nothing without cc", "set transport.cc=cct", field=f"transport.{name}")
        for name in LANE_KNOBS.values():
            if self.cc != "none" and name in self.model_fields_set:
                fault = "does nothing where senders are held to their fair share"
                yield Fault(fault, "set transport.cc=none", field=f"transport.{name}")

    def _lane_faults(self) -> list[Fault]:
        if self.lanes is not None and self.lanes not in LANES:
            listed = ", ".join(map(str, LANES))
            return [Fault(f"a port has {listed} lanes, not {self.lanes}", "choose one", field="transport.lanes")]
        return lane_faults(self.lane_rule, LANE_KNOBS)

    @property
    def lane_rule(self) -> LaneRule:
        return LaneRule(self.lanes, LANES, self.sl2vl or (), self.lane_weights)


@dataclass(frozen=True)
class Infiniband(Transport):
    """`buffer_bytes` of every port, for its `lanes`; senders slow down by `law` where there is one."""

    packets: Packets
    buffer_bytes: float = BUFFER_BYTES
    law: InfinibandCc | None = None
    lanes: LaneRule = AS_ROUTED
    name = "infiniband"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: InfinibandParameters) -> Infiniband:
        """Raises SpecError as `Packets.of` does, and for a buffer whose lanes hold no packet."""
        packets = Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES)
        _refuse_small(parameters.buffer, parameters.lanes or 1, packets.mtu_bytes)
        law = InfinibandCc(
            packets.mtu_bytes,
            parameters.buffer,
            parameters.cc_threshold,
            timer=parameters.cc_timer,
            increase=parameters.cc_increase,
        )
        return cls(packets, parameters.buffer, None if parameters.cc == "none" else law, parameters.lane_rule)

    def rule(self, fabric: Fabric) -> str:
        return static_rule(fabric)

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, _ = over_adapters(router, src, dst)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], adapter=adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, adapter=adapter), transfer, back)

    def limits(self, fabric: Fabric) -> Floats:
        """Headers, and what the credits of a port's buffers sustain over the round trip of a link."""
        sustained = self._credit(fabric, 1).sustained(fabric, self.packets.mtu_bytes)
        return super().limits(fabric) * np.where(fabric.link_kind == LinkKind.NETWORK, sustained, 1.0)

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
        met = crowd(lines, batch, fair.finish_s, delay, most_bps(self.packets, delay))
        laned, count = self.lanes.given(batch)
        _refuse_small(self.buffer_bytes, count, self.packets.mtu_bytes)
        credit = self._credit(lines.fabric, count)
        lane_bound = count > 1 and (credit.sustained(lines.fabric, self.packets.mtu_bytes)[met.links] < 1.0).any()
        if not met.contended.any() and not lane_bound:
            return fair
        if (batch.flows.shares < 1.0).any():
            return replace(fair, notes=("Packets are spread over paths: of their credits nothing is told.",))
        if len(batch.flows.links) > MOST_HOPS:
            note = f"More than {MOST_HOPS:,} hops: queues are not walked, links are shared max-min fairly."
            return replace(fair, notes=(note,))
        delivery = carry_lossless(self.packets, lines, laned, credit, certify, self.lanes.shares(count))
        asked = self.lanes.asked(batch.flows)
        if asked <= count:
            return delivery
        note = f"The routing asks for {asked} lanes and has {count}: in these, waiting could close a circle."
        return replace(delivery, notes=(note,))

    def _credit(self, fabric: Fabric, lanes: int) -> Credits:
        return Credits(np.full(fabric.links, self.buffer_bytes / lanes), self.packets.stored)

    def level_fault(self) -> Fault | None:
        if self.lanes.count is not None:
            return None
        cure = "set transport.cc=none and transport.lanes, or leave the column out"
        return Fault("does nothing: all flows take the same lanes", cure, field="sl")

    def assumptions(self) -> list[str]:
        sentence = f"InfiniBand: one static path per pair, {self.packets.share:.4g} of the line rate is payload."
        if self.law is not None:
            return [sentence, self.law.assumption()]
        lanes = f", which {self.lanes.count} lanes share," if (self.lanes.count or 1) > 1 else ""
        held = f"credits for {self.buffer_bytes:g} bytes per link{lanes} hold senders back."
        return [sentence, f"No congestion control: {held}"]


def _refuse_small(buffer_bytes: float, lanes: int, packet_bytes: int) -> None:
    """Raises SpecError where a lane's part of the buffer is less than a packet."""
    if buffer_bytes / lanes >= packet_bytes:
        return
    whose = "" if lanes == 1 else f" in each of {lanes} lanes"
    message = f"{buffer_bytes:g} bytes hold no packet of {packet_bytes}{whose}: no credit is ever given"
    raise SpecError(Fault(message, f"give at least {lanes * packet_bytes}B", field="transport.buffer"))
