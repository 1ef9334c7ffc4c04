"""RoCEv2: every connection is `qps` queue pairs, each hashed to its own path by ECMP; a transfer ends with its
slowest.

Packet of the default header: Ethernet preamble, frame check and gap 8 + 4 + 12 and header 14 (IEEE 802.3), IPv4 20,
UDP 8, base transport header 12, invariant check 4 bytes (InfiniBand Architecture Specification, annex A17), around
1024 bytes of payload.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from ...fabric.graph import Fabric
from ...fabric.routing import Router
from .base import Transport
from .packets import PacketParameters, Packets
from .subflows import Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 4 + 12 + 14 + 20 + 8 + 12 + 4
MTU_BYTES = 1024 + HEADER_BYTES


class RoceParameters(PacketParameters):
    """Those of its packets, and `qps`: queue pairs per connection, each with its own UDP source port."""

    qps: int = Field(default=1, ge=1)


@dataclass(frozen=True)
class Roce(Transport):
    """`qps` queue pairs per connection."""

    packets: Packets
    qps: int
    name = "roce"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: RoceParameters) -> Roce:
        """Raises SpecError as `Packets.of` does."""
        return cls(Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES), parameters.qps)

    def rule(self, fabric: Fabric) -> str:
        return "ecmp"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, queue_pair = over_adapters(router, src, dst, self.qps)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], queue_pair, adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, queue_pair, adapter), transfer, back)

    def assumptions(self) -> list[str]:
        return [
            f"RoCE: ECMP, queue pairs per connection: {self.qps}; {self.packets.share:.4g} of the line rate is "
            "payload, links are shared max-min fairly; pauses do not push back yet."
        ]
