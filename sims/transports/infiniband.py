"""InfiniBand: static forwarding tables that see only the destination, so a pair has one path however many queue
pairs.

Packet of the default header: local route header 8, base transport header 12, invariant and variant check 4 + 2 bytes
(InfiniBand Architecture Specification 1.4, volume 1, chapter 5), around 4096 bytes of payload.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...fabric.graph import Fabric
from ...fabric.routing import Router, static_rule
from .base import Transport
from .packets import PacketParameters, Packets
from .subflows import Ranks, Subflows, over_adapters

HEADER_BYTES = 8 + 12 + 4 + 2
MTU_BYTES = 4096 + HEADER_BYTES


class InfinibandParameters(PacketParameters):
    """Those of its packets."""


@dataclass(frozen=True)
class Infiniband(Transport):
    packets: Packets
    name = "infiniband"
    load_rules = ("adaptive", "ugal")

    @classmethod
    def of(cls, parameters: InfinibandParameters) -> Infiniband:
        """Raises SpecError as `Packets.of` does."""
        return cls(Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES))

    def rule(self, fabric: Fabric) -> str:
        return static_rule(fabric)

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, _ = over_adapters(router, src, dst)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], adapter=adapter) if self.packets.specified else None
        return Subflows.along(router.paths(*ends, adapter=adapter), transfer, back)

    def assumptions(self) -> list[str]:
        return [
            f"InfiniBand: one static path per pair, {self.packets.share:.4g} of the line rate is payload, "
            "links are shared max-min fairly; credits do not push back yet."
        ]
