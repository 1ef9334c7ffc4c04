"""NSCC, the sender-based control of Ultra Ethernet, at rest: marks and delay together hold the queue at a target delay.

After the public reference simulator (ultraethernet/uet-htsim, uec.cpp). Below the target every unmarked
acknowledgement lets the window grow, above it marked ones cut it: so the queue rests at the target, 3/4 of the base
round trip where switches trim, one where they do not; below, where all windows at their most do not fill it; and above,
where windows of one packet, the least, are too much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .law import Contention, Law, Steady
from .windows import Windows

TRIMMED, UNTRIMMED = 0.75, 1.0


@dataclass(frozen=True)
class Nscc(Law):
    """Target queueing delay in base round trips, the `most` that windows grow to, and the packet that they keep."""

    target_rtts: float = TRIMMED
    most: Windows = field(default_factory=Windows)
    packet_bytes: float = 0.0
    name = "nscc"

    def steady(self, links: Contention) -> Steady:
        target = np.minimum(self.target_rtts * links.bdp_bytes, self.most.steady(links).queue_bytes)
        least = Windows(self.packet_bytes).steady(links).queue_bytes
        return Steady(np.ones_like(target), np.maximum(target, least))

    def assumption(self) -> str:
        return f"NSCC at its fixed point: queues stand at {self.target_rtts:g} of the base round trip."
