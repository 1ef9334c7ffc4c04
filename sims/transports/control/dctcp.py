"""DCTCP: the window is cut in proportion to the share of marked packets, above a queue of K.

Alizadeh et al., "Data Center TCP (DCTCP)", SIGCOMM 2010, section 3.3: with W* = (C RTT + K) / N packets the marked
share is sqrt(2 / W*), each window swings by D = W* sqrt(2 / W*) / 2, the queue between K + N and K + N - sqrt(N (C RTT
+ K) / 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Floats, Law, Steady

THRESHOLD_S = 30e3 * 8 / 10e9
"""K in seconds of the line rate: 30 KB at 10 Gbit/s (the authors of HPCC, run.py, scale it so)."""


@dataclass(frozen=True)
class Dctcp(Law):
    """Marking threshold in time at line rate, for packets of `packet_bytes`."""

    packet_bytes: float
    threshold_s: float = THRESHOLD_S
    name = "dctcp"

    def marked(self, links: Contention) -> Floats:
        """Share of packets marked."""
        return np.sqrt(np.minimum(2 / self._window(links), 1.0))

    def steady(self, links: Contention) -> Steady:
        """Mean of the queue's swing; where it would fall below empty, the link idles for that part of the tooth."""
        threshold = self._threshold(links)
        top = threshold + links.flows
        swing = np.sqrt(links.flows * (links.bdp_bytes / self.packet_bytes + threshold) / 2)
        bottom = top - swing
        # Rising at a steady slope, the queue is empty for the part of the swing that lies below zero; there the mean
        # window lacks half of it.
        lack = np.maximum(-bottom, 0)
        full = links.bdp_bytes / self.packet_bytes
        missing = lack / swing * lack / 2 / np.maximum(full, 1e-12)
        mean = np.where(bottom >= 0, top - swing / 2, top**2 / (2 * swing))
        return Steady(1 - np.minimum(missing, 0.25), mean * self.packet_bytes)

    def _threshold(self, links: Contention) -> Floats:
        return links.capacity_bytes_per_s * self.threshold_s / self.packet_bytes

    def _window(self, links: Contention) -> Floats:
        return (links.bdp_bytes / self.packet_bytes + self._threshold(links)) / links.flows

    def assumption(self) -> str:
        return "DCTCP at its fixed point: queues swing around the marking threshold, flows share links equally."
