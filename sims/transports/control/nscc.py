"""NSCC, the sender-based control of Ultra Ethernet, at rest: marks and delay together hold the queue at a target delay.

After the public reference simulator (ultraethernet/uet-htsim, uec.cpp). Below the target every unmarked
acknowledgement lets the window grow, above it marked ones cut it: so the queue rests at the target, 3/4 of the base
round trip where switches trim, one where they do not; or below, where all windows at their most (1.5 x the
bandwidth-delay product) do not fill it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Law, Steady

TRIMMED, UNTRIMMED = 0.75, 1.0
MOST_WINDOW = 1.5


@dataclass(frozen=True)
class Nscc(Law):
    """Target queueing delay in base round trips."""

    target_rtts: float = TRIMMED
    name = "nscc"

    def steady(self, links: Contention) -> Steady:
        most = (MOST_WINDOW * links.flows - 1) * links.bdp_bytes
        queue = np.minimum(self.target_rtts * links.bdp_bytes, most)
        return Steady(np.ones_like(queue), queue)

    def assumption(self) -> str:
        return f"NSCC at its fixed point: queues stand at {self.target_rtts:g} of the base round trip."
