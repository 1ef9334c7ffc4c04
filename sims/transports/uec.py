"""Ultra Ethernet: packets sprayed one by one over all shortest paths, switches that trim instead of dropping, and
control by the receiver's credit (RCCC), by the sender (NSCC), or none.

Defaults of the public reference simulator (ultraethernet/uet-htsim, uec.cpp, main_uec.cpp): packets of 4150 bytes with
64 of header, credit at 0.99 of the line rate, windows of 1.5 bandwidth-delay products. Control is the receiver's unless
said otherwise, as in the protocols that Ultra Ethernet's grew from: Handley et al. (NDP), SIGCOMM 2017; Olteanu et al.
(EQDS), NSDI 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ...fabric.routing import Router
from .base import Transport
from .control import Law, Nscc, Rccc, Windows
from .control.nscc import TRIMMED, UNTRIMMED
from .control.rccc import PACE
from .control.windows import MOST_RTTS
from .governed import Government, carry_governed
from .packets import Packets
from .spray import Spraying
from .subflows import Batch, Delivery, Lines, Ranks, Subflows
from .trimming import Overflow
from .uec_parameters import UecParameters

MTU_BYTES, HEADER_BYTES = 4150, 64

CREDITS_PER_PACKET = 0.5
"""A packet is acknowledged by a header; where receivers control, a credit of the same size lets in the next two."""


@dataclass(frozen=True)
class Uec(Transport):
    packets: Packets
    entropies: int
    cc: str
    overflow: Overflow
    name = "uec"
    load_rules = ("spray",)

    @classmethod
    def of(cls, parameters: UecParameters) -> Uec:
        """Raises SpecError as `Packets.of` does, and for a buffer that holds no packet or a trimmed one that is no
        smaller."""
        packets = Packets.of(parameters, cls.name, MTU_BYTES, HEADER_BYTES)
        mtu, header, faults = packets.mtu_bytes, packets.header_bytes, []
        trim, buffer = parameters.trim_size, parameters.buffer
        if trim is not None and not header <= trim < mtu:
            message = f"{trim} bytes are not from the header's {header} to below the packet's {mtu}"
            faults.append(Fault(message, f"give {header}B", field="transport.trim_size"))
        if buffer is not None and buffer < mtu:
            faults.append(Fault(f"{buffer} bytes hold no packet", f"give at least {mtu}B", field="transport.buffer"))
        if faults:
            raise SpecError(faults)
        cut = (header if trim is None else trim) if parameters.trimming else None
        return cls(packets, parameters.entropies, parameters.cc, Overflow(mtu, cut, buffer))

    def rule(self, fabric: Fabric) -> str:
        return "spray"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        return Subflows.along(router.paths(src, dst))

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        return carry_governed(self.rules, self.spraying, self.packets, lines, batch, certify)

    @property
    def pace(self) -> float:
        """Share of their line rate that receivers let in; a measured payload share has it in it."""
        return PACE if self.cc == "rccc" and self.packets.specified else 1.0

    @property
    def spraying(self) -> Spraying:
        """Windows of their own only where control sets them, credits only where receivers do."""
        rtts, credits = np.inf if self.cc == "none" else MOST_RTTS, CREDITS_PER_PACKET if self.cc == "rccc" else 0.0
        return Spraying(self.entropies, self.pace, rtts, credits)

    @property
    def rules(self) -> Government:
        """Who rules where. Beyond its port's control, credit leaves windows as they are."""
        given = None if np.isinf(self.packets.window_bytes) else self.packets.window_bytes
        windows = Windows(given)
        if self.cc == "none":
            return Government(Windows(self.packets.window_bytes), None, self.overflow)
        if self.cc == "rccc":
            return Government(Rccc(self.pace), windows, self.overflow, windows)
        target = UNTRIMMED if self.overflow.trim_bytes is None else TRIMMED
        return Government(Nscc(target, windows, self.packets.mtu_bytes), None, self.overflow, windows)

    @property
    def law(self) -> Law:
        """At receivers' ports."""
        return self.rules.ports

    def assumptions(self) -> list[str]:
        return [
            f"Ultra Ethernet: {self.packets.share:.4g} of the line rate is payload; packets wait as drawn at random.",
            self.law.assumption(),
            self.overflow.assumption(),
        ]
