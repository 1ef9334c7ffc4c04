"""Ultra Ethernet: packets sprayed one by one over all shortest paths, switches that trim instead of dropping, and
receivers that give credit (RCCC), so that senders meet in no queue for long.

Defaults of the public reference simulator (ultraethernet/uet-htsim, uec.cpp, main_uec.cpp): packets of 4150 bytes with
64 of header, credit at 0.99 of the line rate, a window of 1.5 bandwidth-delay products.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from ...fabric.graph import Fabric
from ...fabric.routing import Router
from .base import Transport
from .control.rccc import PACE
from .packets import PacketParameters, Packets
from .spray import carry_sprayed
from .subflows import Batch, Delivery, Lines, Ranks, Subflows

MTU_BYTES, HEADER_BYTES = 4150, 64


class UecParameters(PacketParameters):
    """Those of its packets, and `entropies`: values of the header field by which switches choose among paths."""

    entropies: int = Field(default=128, ge=1)


@dataclass(frozen=True)
class Uec(Transport):
    packets: Packets
    entropies: int
    name = "uec"
    load_rules = ("spray",)

    @classmethod
    def of(cls, parameters: UecParameters) -> Uec:
        """Raises SpecError as `Packets.of` does."""
        return cls(Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES), parameters.entropies)

    def rule(self, fabric: Fabric) -> str:
        return "spray"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        return Subflows.along(router.paths(src, dst))

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        return carry_sprayed(self.packets, lines, batch, self.pace, self.entropies, certify)

    @property
    def pace(self) -> float:
        """Share of their line rate that receivers give credit for; a measured payload share has it in it."""
        return PACE if self.packets.specified else 1.0

    def assumptions(self) -> list[str]:
        return [
            f"Ultra Ethernet: {self.packets.share:.4g} of the line rate is payload; receivers give credit for "
            f"{self.pace:g} of their line rate, switches trim, and packets wait as drawn at random."
        ]
