"""Windows alone: every sender keeps what its window holds in flight, and what the path does not hold stands in the
queue of the link that limits it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Floats, Law, Steady

MOST_RTTS = 1.5
"""Bandwidth-delay products that Ultra Ethernet lets in flight (ultraethernet/uet-htsim, uec.cpp)."""


@dataclass(frozen=True)
class Windows(Law):
    """A window of `window_bytes` (infinite: line rate), or of 1.5 bandwidth-delay products for None."""

    window_bytes: float | None = None
    name = "none"

    def in_flight_bytes(self, links: Contention) -> Floats:
        """Of all flows of a link together."""
        window = MOST_RTTS * links.bdp_bytes if self.window_bytes is None else self.window_bytes
        return np.asarray(links.flows * window)

    def steady(self, links: Contention) -> Steady:
        return Steady(np.ones_like(links.flows), np.maximum(self.in_flight_bytes(links) - links.bdp_bytes, 0.0))

    def assumption(self) -> str:
        held = "a full window" if self.window_bytes is None or np.isfinite(self.window_bytes) else "all they have"
        return f"No congestion control: senders keep {held} in flight."
