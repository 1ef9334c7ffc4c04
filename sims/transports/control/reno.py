"""Reno: one packet more per round trip, half the window at a loss.

Mathis et al., "The Macroscopic Behavior of the TCP Congestion Avoidance Algorithm", CCR 1997: rate = MSS / RTT
sqrt(3/2) / sqrt(p) at loss probability p. On a link with a tail-drop buffer the saw's teeth leave the link idle unless
the buffer holds what half a window lacks: one bandwidth-delay product over the square root of the number of flows
(Appenzeller et al., SIGCOMM 2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Floats, Law, Steady

CONSTANT = 1.5**0.5


def window_packets(loss: Floats | float) -> Floats:
    """Mean window at a loss probability per packet."""
    return np.asarray(CONSTANT / np.sqrt(loss))


def loss(mean_window_packets: Floats) -> Floats:
    """The loss probability that a mean window of so many packets, at least one, meets."""
    return np.asarray((CONSTANT / np.maximum(mean_window_packets, 1.0)) ** 2)


@dataclass(frozen=True)
class Reno(Law):
    """Buffer of a port."""

    buffer_bytes: float
    name = "reno"

    def steady(self, links: Contention) -> Steady:
        buffer = np.divide(
            self.buffer_bytes, links.bdp_bytes, where=links.bdp_bytes > 0, out=np.full_like(links.flows, 1e9)
        )
        return Steady(sawtooth(np.sqrt(links.flows) * buffer), np.full_like(buffer, self.buffer_bytes / 2))

    def weights(self, rtt_s: Floats) -> Floats:
        """Rates go as 1 / RTT at equal loss."""
        return np.asarray(1 / rtt_s)

    def assumption(self) -> str:
        return (
            "Reno at its fixed point: flows on one link share it by 1 / round trip, its buffer is half full on average."
        )


def sawtooth(buffer_bdps: Floats) -> Floats:
    """Utilisation of a link whose one window climbs from half its peak to the peak, 1 + `buffer_bdps` bandwidth-delay
    products. While the window is below one product the round trip is constant and the link partly idle; beyond, the
    round trip grows with the queue and the link is full."""
    least = (1 + buffer_bdps) / 2
    idle_time, idle_data = np.maximum(1 - least, 0), np.maximum(1 - least**2, 0) / 2
    full = ((1 + buffer_bdps) ** 2 - np.maximum(least, 1) ** 2) / 2
    return np.asarray((idle_data + full) / (idle_time + full))
