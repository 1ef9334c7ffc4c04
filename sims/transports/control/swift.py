"""Swift: windows held where the round trip meets a target that grows with the path and with small windows.

Kumar et al., "Swift: Delay is Simple and Effective", SIGCOMM 2020, sections 3.1 and 3.4: target = base + h hops +
clamp(a / sqrt(cwnd) + b, 0, range), a = range / (1 / sqrt(fs_min) - 1 / sqrt(fs_max)), b = -a / sqrt(fs_max). At rest
each flow's window is its share of the link over that target, and the queue is what the target leaves beyond the
propagation. The paper prints no constants for all of these; those here are csg-htsim's (swift.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....fabric.errors import Fault, SpecError
from .law import Contention, Floats, Law, Steady, root

BASE_S = 20e-6
HOP_S = BASE_S / 6.55
RANGE_S = 5 * BASE_S
LEAST_PACKETS, MOST_PACKETS = 0.1, 100.0


@dataclass(frozen=True)
class Swift(Law):
    """Base target, target per hop, and flow scaling between the two windows, for packets of `packet_bytes`."""

    packet_bytes: float
    base_s: float = BASE_S
    hop_s: float = HOP_S
    range_s: float = RANGE_S
    name = "swift"

    def target_s(self, window_packets: Floats, switches: Floats) -> Floats:
        """The round trip aimed at with this window."""
        slope = self.range_s / (LEAST_PACKETS**-0.5 - MOST_PACKETS**-0.5)
        scaling = slope * (window_packets**-0.5 - MOST_PACKETS**-0.5)
        return np.asarray(self.base_s + self.hop_s * switches + np.clip(scaling, 0.0, self.range_s))

    def round_trip_s(self, links: Contention) -> Floats:
        """The round trip at rest. It solves T = target(C T / N), whose right side falls as T grows."""
        share = links.capacity_bytes_per_s / links.flows / self.packet_bytes

        def surplus(trip_s: Floats) -> Floats:
            return np.asarray(trip_s - self.target_s(share * trip_s, links.switches))

        least = np.full_like(share, self.base_s)
        return root(surplus, least, self.base_s + self.hop_s * links.switches + self.range_s)

    def steady(self, links: Contention) -> Steady:
        trip_s = self.round_trip_s(links)
        if (trip_s < links.rtt_s).any():
            worst = int(np.argmax(links.rtt_s - trip_s))
            raise SpecError(
                Fault(
                    f"Swift aims at a round trip of {trip_s[worst] * 1e6:.3g} us, but that of the empty path is "
                    f"{links.rtt_s[worst] * 1e6:.3g} us: windows would shrink to nothing",
                    "use dcqcn or hpcc on paths this long",
                    field="transport.cc",
                )
            )
        return Steady(np.ones_like(trip_s), (trip_s - links.rtt_s) * links.capacity_bytes_per_s)

    def assumption(self) -> str:
        return f"Swift at its fixed point: the round trip stands at its target, {self.base_s * 1e6:g} us and more."
