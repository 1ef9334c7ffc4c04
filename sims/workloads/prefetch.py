"""A chunk whose parameters lie sharded (ZeRO-3, FSDP: Zhao et al. 2023): list scheduling on two streams.

The communication stream gathers the units in the order of use, each when the unit two before it has been computed and
freed (one is computed, one is ahead), and backward scatters a unit's gradients when they are there. What is still in
flight when the last unit has been computed is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Load:
    """A unit's computing, float64[pipelines], and the gathering of its parameters and scattering of its gradients."""

    compute_s: Seconds
    gather_s: float
    scatter_s: float


def forward_s(units: Sequence[Load], overlap: bool = True, slowdown: float = 0.0) -> Seconds | float:
    """Time of a forward pass over the units in order, float64[pipelines]; computing loses `slowdown` of its rate
    beside communication."""
    return _walk([Load(unit.compute_s, unit.gather_s, 0.0) for unit in units], overlap, slowdown)


def backward_s(units: Sequence[Load], overlap: bool = True, slowdown: float = 0.0) -> Seconds | float:
    """Time of a backward pass over the units in reverse."""
    return _walk(units[::-1], overlap, slowdown)


def _walk(units: Sequence[Load], overlap: bool, slowdown: float) -> Seconds | float:
    if not overlap:
        return sum(unit.gather_s + unit.compute_s + unit.scatter_s for unit in units)
    if not units:
        return 0.0
    clock = np.zeros_like(units[0].compute_s)
    wire = arrived = clock + units[0].gather_s
    scattering = 0.0
    for unit, following in zip(units, (*units[1:], None), strict=True):
        beside = scattering + (following.gather_s if following else 0.0)
        compute_s = unit.compute_s + slowdown * np.minimum(beside, unit.compute_s)
        computed, clock = clock, np.maximum(clock, arrived) + compute_s
        wire = np.maximum(wire, computed) + following.gather_s if following else wire
        arrived = wire
        scattering = unit.scatter_s
        wire = np.maximum(wire, clock) + scattering if scattering else wire
    return np.maximum(clock, wire)
