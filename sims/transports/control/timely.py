"""TIMELY, patched to have one fair fixed point: rates follow the round trip's gradient and its level.

Mittal et al., SIGCOMM 2015; the patch and its fixed point q* = q' + N delta q' / (beta C), q' = C T_low, after Zhu et
al., "ECN or Delay", CoNEXT 2016, section 4.3. The law as first published has infinitely many fixed points: any split
of the link, at any queue between its thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Law, Steady

T_LOW_S = 50e-6
INCREASE_BPS = 10e6
BETA = 0.008
MOST_FLOWS = 40
"""Stable up to about here (the same section, at 10 Gbit/s)."""


@dataclass(frozen=True)
class Timely(Law):
    """Threshold of the queueing delay, additive increase, weight of the decrease."""

    t_low_s: float = T_LOW_S
    increase_bps: float = INCREASE_BPS
    beta: float = BETA
    name = "timely"

    def steady(self, links: Contention) -> Steady:
        threshold = links.capacity_bytes_per_s * self.t_low_s
        queue = threshold * (1 + links.flows * self.increase_bps / (self.beta * links.capacity_bps))
        return Steady(np.ones_like(queue), queue)

    def warnings(self, links: Contention) -> list[str]:
        most = links.flows.max(initial=0)
        if most <= MOST_FLOWS:
            return []
        return [
            f"TIMELY is unstable beyond about {MOST_FLOWS} flows on a link (Zhu et al., CoNEXT 2016); "
            f"one has {most:.0f}."
        ]

    def assumption(self) -> str:
        return (
            "TIMELY, patched to be fair, at its fixed point: a queue of 50 us and more stands at every contended link."
        )
