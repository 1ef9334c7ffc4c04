"""InfiniBand congestion control: marked packets step the sender through a table of injection delays, a timer steps it
back.

InfiniBand Architecture Specification, volume 1, annex A10. A BECN adds `increase` to the index of the table (CCTI),
the timer takes one off: at rest BECNs come every timer * increase, whatever the rate. Entry k of the table holds a
delay in packet times, and the rate is C / (1 + delay), so N flows rest where the delay is N - 1. Beyond the table's
last delay, or where marks are too rare for the timer, the queue grows until credits stop it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Floats, Law, Steady

LAST_DELAY = 2**14 - 1
"""In packet times: the multiplier of an entry has 14 bits."""
THRESHOLD = 15
LEVELS = 16
TIMER_UNIT_S = 1.024e-6


@dataclass(frozen=True)
class InfinibandCc(Law):
    """Of the switch: buffer of a lane, threshold 1..15 (15 marks soonest), mean packets between marks. Of the adapter:
    timer in units of 1.024 us, increase of the index, delay of the table's last entry. Packets of `packet_bytes`."""

    packet_bytes: float
    buffer_bytes: float
    threshold: int = THRESHOLD
    marking_rate: int = 0
    timer: int = 150
    increase: int = 1
    last_delay: float = LAST_DELAY
    name = "infiniband-cc"

    def steady(self, links: Contention) -> Steady:
        queue = np.full_like(links.flows, self.buffer_bytes * (LEVELS - self.threshold) / LEVELS)
        holds = (links.flows - 1 <= self.last_delay) & (self.marks(links) <= 1 / (1 + self.marking_rate))
        return Steady(np.ones_like(queue), np.where(holds, queue, self.buffer_bytes), holds)

    def marks(self, links: Contention) -> Floats:
        """The share of packets that must be marked to hold a flow at C/N against the timer."""
        packets_per_s = links.capacity_bytes_per_s / links.flows / self.packet_bytes
        return np.asarray(1 / (packets_per_s * self.timer * TIMER_UNIT_S * self.increase))

    def warnings(self, links: Contention) -> list[str]:
        lost = ~self.steady(links).holds
        if not lost.any():
            return []
        most = links.flows[lost].max()
        return [
            f"InfiniBand congestion control cannot hold {most:.0f} flows on one link: its table ends at a delay of "
            f"{self.last_delay:g} packets, and at most one packet in {1 + self.marking_rate} is marked. Credits alone "
            "stop these and all others, and what waits holds up what stands behind."
        ]

    def assumption(self) -> str:
        return (
            f"InfiniBand congestion control at its fixed point: threshold {self.threshold} of {LEVELS - 1}, timer "
            f"{self.timer * TIMER_UNIT_S * 1e6:.3g} us; senders of a congested port inject at their fair share. OpenSM "
            "leaves it off unless told: set transport.cc=none to see who then waits behind whom."
        )
