"""Marking by queue length (RED as switches apply it to ECN): none below `kmin`, rising to `pmax` at `kmax`, all above.

Floyd, Jacobson, IEEE/ACM Trans. Networking 1993; in the form of Zhu et al., SIGCOMM 2015, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....fabric.errors import Fault, SpecError
from .law import Floats


@dataclass(frozen=True)
class Marking:
    """Thresholds in bytes of one queue, and the probability at the upper one. Raises SpecError for an order or a
    probability that is none."""

    kmin_bytes: float
    kmax_bytes: float
    pmax: float

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.kmin_bytes <= self.kmax_bytes:
            cure = f"give ecn_kmax of at least {self.kmin_bytes:g}B"
            faults.append(Fault(f"{self.kmax_bytes:g} bytes is below ecn_kmin", cure, field="transport.ecn_kmax"))
        if not 0 < self.pmax <= 1:
            faults.append(Fault(f"{self.pmax:g} is no probability above 0", "give 0.01", field="transport.ecn_pmax"))
        if faults:
            raise SpecError(faults)

    def queue_bytes(self, probability: Floats) -> Floats:
        """The queue that marks with this probability; beyond `pmax` it hovers at `kmax`, where all or `pmax` is
        marked."""
        span = self.kmax_bytes - self.kmin_bytes
        return self.kmin_bytes + np.minimum(probability / self.pmax, 1.0) * span

    @property
    def slope_per_byte(self) -> float:
        """Rise of the probability per byte of queue between the thresholds."""
        span = self.kmax_bytes - self.kmin_bytes
        return self.pmax / span if span else np.inf
