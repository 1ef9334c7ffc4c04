"""What a law of congestion control is asked: where the rates, the queue and the shares of flows settle on one link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contention:
    """Links, one entry each: rate of the wire, how many flows share it, the flows' round trip over empty queues, and
    the switches they cross one way."""

    capacity_bps: Floats
    flows: Floats
    rtt_s: Floats
    switches: Floats

    @classmethod
    def of(cls, capacity_bps: float, flows: float, rtt_s: float, switches: float = 1) -> Contention:
        """One link."""
        return cls(*(np.array([float(value)]) for value in (capacity_bps, flows, rtt_s, switches)))

    @property
    def capacity_bytes_per_s(self) -> Floats:
        return self.capacity_bps / 8

    @property
    def bdp_bytes(self) -> Floats:
        """Bytes in flight that fill the link and leave no queue."""
        return self.capacity_bytes_per_s * self.rtt_s


@dataclass(frozen=True)
class Steady:
    """Where a law settles, per link: the fraction of the wire in use, and the bytes that stand in the queue for as long
    as the flows last. `holds` is false where the law finds no balance, and the queue grows until something else
    (pause, loss) stops it."""

    utilisation: Floats
    queue_bytes: Floats
    holds: npt.NDArray[np.bool_] = field(default_factory=lambda: np.ones(1, dtype=bool))

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", np.broadcast_to(self.holds, self.queue_bytes.shape))


class Law:
    """Base of every law."""

    name: ClassVar[str]

    def steady(self, links: Contention) -> Steady:
        """The fixed point on each link. Raises InputError where the law cannot work at all."""
        raise NotImplementedError

    def weights(self, rtt_s: Floats) -> Floats:
        """Relative shares of flows with these round trips on one link; equal unless the law favours some."""
        return np.ones_like(rtt_s)

    def warnings(self, links: Contention) -> list[str]:
        """Where the fixed point is not reached, and by which criterion, in sentences."""
        return []

    def assumption(self) -> str:
        """What a result rests on, in one sentence."""
        raise NotImplementedError


def root(increasing: Callable[[Floats], Floats], low: Floats, high: Floats, rounds: int = 50) -> Floats:
    """The zero of an increasing function of arrays, by halving log-spaced intervals; an end where there is none
    inside."""
    low, high = np.log(low), np.log(high)
    for _ in range(rounds):
        middle = (low + high) / 2
        above = increasing(np.exp(middle)) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.exp((low + high) / 2)
