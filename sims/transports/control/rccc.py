"""RCCC, the receiver-based control of Ultra Ethernet, at rest: the receiver paces credit a little below its line rate.

After the public reference simulator (ultraethernet/uet-htsim, uec.cpp): credit at 0.99 of the line rate, shared between
the active senders, so that nothing stands in the queue of the receiver's port.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .law import Contention, Law, Steady

PACE = 0.99


@dataclass(frozen=True)
class Rccc(Law):
    """Share of the line rate for which credit is given."""

    pace: float = PACE
    name = "rccc"

    def steady(self, links: Contention) -> Steady:
        return Steady(np.full_like(links.flows, self.pace), np.zeros_like(links.flows))

    def assumption(self) -> str:
        return f"RCCC at its fixed point: receivers give credit for {self.pace:g} of their line rate."
