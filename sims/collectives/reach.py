"""Ranks that start late, and whom they hold up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Network
from ..transports import SWITCH
from .schedule import Floats, Indices, Traffic


def held_s(network: Network, ranks: npt.NDArray[Any], ready_s: Floats, phases: Sequence[Traffic]) -> list[Floats]:
    """Per phase, the earliest time at which each transfer can start when `ranks` are there at `ready_s`.

    A transfer needs its two ends, and in a phase of k steps whoever is within k - 1 messages upstream of its source:
    their data is part of what it sends. Through a switch, all ranks are.
    """
    position = np.full(network.fabric.ranks, -1, dtype=np.int64)
    position[ranks] = np.arange(len(ranks))
    if np.ptp(ready_s) == 0:
        return [np.full(len(phase.src), ready_s[0]) for phase in phases]
    return [_held_s(network, position, ready_s, phase) for phase in phases]


def _held_s(network: Network, position: Indices, ready_s: Floats, phase: Traffic) -> Floats:
    src, dst = _places(network, position, phase)
    there_s = np.concatenate((ready_s, np.full(int(max(src.max(), dst.max())) + 1, -np.inf)))
    switched = (phase.src == SWITCH).any()
    steps = len(there_s) if switched else phase.steps - 1
    upstream_s = there_s.copy()
    for _ in range(steps):
        before_s = upstream_s.copy()
        np.maximum.at(upstream_s, dst, before_s[src])
        if (upstream_s == before_s).all():
            break
    return np.maximum(upstream_s[src], there_s[dst])


def _places(network: Network, position: Indices, phase: Traffic) -> tuple[Indices, Indices]:
    """Positions of the ends of transfers; a domain's switches have one beyond all ranks, as have those of the network
    together."""
    ends = []
    for end, other in ((phase.src, phase.dst), (phase.dst, phase.src)):
        domain = np.zeros(len(end), dtype=np.int64) if phase.routes is not None else network.domains[other].astype(int)
        ends.append(np.where(end == SWITCH, len(position) + domain, position[end]))
    return ends[0], ends[1]
