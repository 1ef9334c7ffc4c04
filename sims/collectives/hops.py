"""The messages of a schedule that wait for one another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hops:
    """Of one phase: so many messages in a row, the network's latency of the slowest, and whether they cross from one
    scale-up domain to another."""

    steps: int
    latency_s: float
    crossing: bool
