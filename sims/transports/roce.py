"""RoCEv2: every connection is `qps` queue pairs, each hashed to its own path by ECMP; a transfer ends with its
slowest.

Packet of the default header: Ethernet preamble, frame check and gap 8 + 4 + 12 and header 14 (IEEE 802.3), IPv4 20,
UDP 8, base transport header 12, invariant check 4 bytes (InfiniBand Architecture Specification, annex A17), around
1024 bytes of payload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ...fabric.routing import Router
from ...fabric.units import Size
from .base import Transport
from .lossless import Buffers, carry_lossless
from .packets import PacketParameters, Packets
from .subflows import Batch, Delivery, Lines, Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 4 + 12 + 14 + 20 + 8 + 12 + 4
MTU_BYTES = 1024 + HEADER_BYTES


PAUSE_S, RESUME_S = 15 * 9000 * 8 / 1e11, 12 * 9000 * 8 / 1e11
"""Thresholds as a link's time: 15 and 12 jumbo packets at 100 Gbit/s, the defaults of csg-htsim's RoCE."""


class RoceParameters(PacketParameters):
    """Those of its packets; `qps`: queue pairs per connection, each with its own UDP source port; `cc`: the law by
    which senders slow down; `pfc_xoff`, `pfc_xon`: bytes from one link in a switch at which that link is paused, and
    goes on."""

    qps: int = Field(default=1, ge=1)
    cc: Literal["none", "dcqcn"] = "dcqcn"
    pfc_xoff: Size | None = None
    pfc_xon: Size | None = None

    @model_validator(mode="after")
    def _act(self) -> RoceParameters:
        """Pauses come when nothing slows the senders down before."""
        given = [name for name in ("pfc_xoff", "pfc_xon") if getattr(self, name) is not None]
        if given and self.cc != "none":
            raise SpecError(
                Fault(f"does nothing under cc={self.cc}", "set transport.cc=none", field=f"transport.{name}")
                for name in given
            )
        if len(given) == 1:
            raise SpecError(Fault("is given alone", "give pfc_xoff and pfc_xon", field=f"transport.{given[0]}"))
        if self.pfc_xoff is not None and self.pfc_xon is not None and self.pfc_xon >= self.pfc_xoff:
            message = f"{self.pfc_xon} bytes to go on are not below {self.pfc_xoff} to pause"
            raise SpecError(Fault(message, "give pfc_xon below pfc_xoff", field="transport.pfc_xon"))
        return self


@dataclass(frozen=True)
class Roce(Transport):
    """`qps` queue pairs per connection; senders slow down by the law `cc`, and are paused by the buffers behind them
    where there is none. `pause_bytes`: (xoff, xon) of every link, or None for the default."""

    packets: Packets
    qps: int
    cc: str
    pause_bytes: tuple[int, int] | None
    name = "roce"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: RoceParameters) -> Roce:
        """Raises SpecError as `Packets.of` does."""
        packets = Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES)
        xoff, xon = parameters.pfc_xoff, parameters.pfc_xon
        return cls(packets, parameters.qps, parameters.cc, None if xoff is None or xon is None else (xoff, xon))

    def rule(self, fabric: Fabric) -> str:
        return "ecmp"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, queue_pair = over_adapters(router, src, dst, self.qps)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], queue_pair, adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, queue_pair, adapter), transfer, back)

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        if self.cc != "none":
            return self.allocate(lines, batch, certify)
        return carry_lossless(self.packets, lines, batch, self.buffers(lines.fabric), certify)

    def buffers(self, fabric: Fabric) -> Buffers:
        """At which bytes each link is paused and goes on."""
        byte_rate = fabric.capacity_bps / 8
        if self.pause_bytes is None:
            return Buffers(PAUSE_S * byte_rate, RESUME_S * byte_rate)
        return Buffers(*(np.full(fabric.links, float(side)) for side in self.pause_bytes))

    def assumptions(self) -> list[str]:
        sentence = (
            f"RoCE: ECMP, queue pairs per connection: {self.qps}; {self.packets.share:.4g} of the line rate is payload"
        )
        if self.cc == "none":
            return [f"{sentence}; senders run at line rate until full buffers pause them (PFC)."]
        return [f"{sentence}; {self.cc} keeps queues below the pause threshold, so links are shared max-min fairly."]
