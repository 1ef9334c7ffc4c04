"""HPCC: windows set from the load that switches report, so that links stay a little short of full.

Li et al., "HPCC: High Precision Congestion Control", SIGCOMM 2019, section 3.2: W = W_c eta / U + W_AI. At rest
W (1 - eta / U) = W_AI for each of N flows, and the bytes in flight are N W = U B T: so U = eta + N W_AI / (B T). Beyond
U = 1 a queue of (U - 1) B T stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Law, Steady

TARGET = 0.95
INCREASE_SHARE = 10e6 / 25e9
"""Additive increase per flow over the port's rate (10 Mbit/s at 25 Gbit/s: the authors' simulator, run.py)."""


@dataclass(frozen=True)
class Hpcc(Law):
    """Target utilisation eta, and the additive increase of one flow as a share of the port's rate."""

    target: float = TARGET
    increase_share: float = INCREASE_SHARE
    name = "hpcc"

    def steady(self, links: Contention) -> Steady:
        load = self.target + links.flows * self.increase_share
        return Steady(np.minimum(load, 1.0), np.maximum(load - 1.0, 0.0) * links.bdp_bytes)

    def assumption(self) -> str:
        return f"HPCC at its fixed point: links run at {self.target:g} of their rate, with next to no queue."
