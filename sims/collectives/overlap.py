"""Schedules of several groups under way at the same time, from each group's first start to its last byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..network import Network
from ..results import NOTHING, Bottleneck
from ..settling import settle, undisturbed_s
from ..transports import Subflows
from .groups import Group
from .reach import held_s
from .schedule import Floats, Traffic


@dataclass(frozen=True)
class Part:
    """A group, and phases that move `size_bytes` between its ranks."""

    group: Group
    phases: tuple[Traffic, ...]
    size_bytes: float


@dataclass(frozen=True)
class Overlap:
    """Per part the seconds from the start of its first rank until its last byte has arrived, latencies apart; the
    busiest link of what ends last; sentences on how it was run."""

    spans_s: Floats
    bottleneck: Bottleneck
    notes: tuple[str, ...]


def overlapped(network: Network, parts: Sequence[Part], certify: bool) -> Overlap:
    """Run all parts: a phase starts when the one before has ended, a transfer not before those it needs are there."""
    phases = [phase for part in parts for phase in part.phases]
    bounds = np.cumsum([0, *(len(phase.src) for phase in phases)])
    within = [slice(*ends) for ends in pairwise(bounds)]
    held = [held for part in parts for held in held_s(network, part.group.ranks, part.group.start_s, part.phases)]
    sizes = [part.size_bytes * phase.repeats * phase.fraction for part in parts for phase in part.phases]
    size_bytes, first_s = np.concatenate(sizes), np.array([part.group.start_s.min() for part in parts])

    def run_through(moving_s: Floats) -> tuple[Floats, Floats]:
        """When each transfer starts, and each part ends."""
        start_s, until_s, number = np.empty(len(moving_s)), first_s.copy(), 0
        for row, part in enumerate(parts):
            for _ in part.phases:
                at = within[number]
                start_s[at] = np.maximum(held[number], until_s[row])
                until_s[row] = (start_s[at] + moving_s[at]).max(initial=until_s[row])
                number += 1
        return start_s, until_s

    if not size_bytes.any():
        return Overlap(run_through(np.zeros_like(size_bytes))[1] - first_s, NOTHING, ())
    flows = _subflows(network, phases)
    settled = settle(
        network,
        flows,
        size_bytes,
        lambda duration_s, latency_s: run_through(duration_s - latency_s)[0],
        undisturbed_s(network, flows, size_bytes),
        certify,
    )
    ran = settled.ran
    _, until_s = run_through(ran.finish_s - ran.start_s - ran.latency_s)
    return Overlap(until_s - first_s, ran.bottleneck, settled.notes())


def _subflows(network: Network, phases: Sequence[Traffic]) -> Subflows:
    """Of all transfers in the order of the phases, on their own routes where they bring any."""
    sets, first = [], 0
    for phase in phases:
        numbers = np.arange(first, first + len(phase.src))
        routed = phase.routes
        flows = network.subflows(phase.src, phase.dst) if routed is None else Subflows.along(routed)
        sets.append((numbers, flows))
        first += len(phase.src)
    return Subflows.joined(sets)
