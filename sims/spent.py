"""What the time of an operation goes into: latency, the protocol, and the links that its phases wait for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Links = npt.NDArray[np.int64]

ALIKE = 1e-6
"""Links whose loads differ by less than this share limit alike."""


@dataclass(frozen=True)
class Wait:
    """Seconds in which these directed links, all of them alike, are the busiest of an operation."""

    links: Links
    seconds: float


@dataclass(frozen=True)
class Spent:
    """The time of one operation: `latency_s`; `protocol_s` that a protocol takes beyond its bytes' time on the links;
    and the phases in which bytes move."""

    latency_s: float
    protocol_s: float
    waits: tuple[Wait, ...]

    @property
    def total_s(self) -> float:
        return self.latency_s + self.protocol_s + sum(wait.seconds for wait in self.waits)


def busiest_links(link_bytes: npt.NDArray[np.float64], payload_bps: npt.NDArray[np.float64]) -> Links:
    """The links that need longest for these bytes, none where nothing moves."""
    busy = link_bytes / payload_bps
    most = busy.max(initial=0.0)
    return np.flatnonzero(busy >= most * (1 - ALIKE)) if most > 0 else np.empty(0, dtype=np.int64)
