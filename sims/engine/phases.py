"""Phases one after the other, each of rounds that repeat: a round is solved once, however often it runs.

A ring of n ranks is one phase of 2(n - 1) rounds, a shift all-to-all n - 1 phases of one, the slots of a pipeline in
its steady state one phase of as many rounds as there are micro-batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ...fabric.side_by_side import side_by_side
from .events import simulate_flows
from .result import FlowResult
from .validate import Floats


@dataclass(frozen=True)
class Phase:
    """Flows that start together, as `simulate_flows` takes them, and how many such rounds run in a row: each begins
    when all flows of the one before have ended."""

    indptr: ArrayLike
    links: ArrayLike
    size_bytes: ArrayLike
    repeats: int = 1
    shares: ArrayLike | None = None
    weights: ArrayLike | None = None
    caps_bps: ArrayLike | None = None


@dataclass(frozen=True)
class PhasesResult:
    """One row per phase.

    Attributes:
        rounds: what one round of the phase does, its times from 0.
        repeats: int64[phases].
        start_s: float64[phases], when the first round begins.
        link_bytes: float64[links], over all rounds of all phases.
    """

    rounds: tuple[FlowResult, ...]
    repeats: NDArray[np.int64]
    start_s: Floats
    link_bytes: Floats

    @property
    def round_s(self) -> Floats:
        """Duration of one round of each phase."""
        return np.array([one.makespan_s for one in self.rounds])

    @property
    def makespan_s(self) -> float:
        """When the last round ends."""
        return float((self.repeats * self.round_s).sum())

    def starts_s(self, phase: int) -> Floats:
        """When each round of a phase begins; float64[repeats]."""
        return self.start_s[phase] + self.rounds[phase].makespan_s * np.arange(self.repeats[phase])


def simulate_phases(phases: Sequence[Phase], capacity_bps: ArrayLike, certify: bool = False) -> PhasesResult:
    """Run phases on links of `capacity_bps` (float64[links]). Phases with the same flows are solved once,
    those with others side by side.

    Raises:
        FlowError: no phases, repeats that are no whole number above 0, flows that cannot run; carries every fault.
        InternalError: `certify` found a run wrong.
    """
    faults = list(_faults(phases))
    if faults:
        raise FlowError(faults)
    each = [_flows(phase) for phase in phases]
    first = _first_alike(each)
    ran = side_by_side(lambda number: _round(number, each[number], capacity_bps, certify), sorted(set(first)))
    solved = dict(zip(sorted(set(first)), ran, strict=True))
    rounds = [solved[number] for number in first]
    repeats = np.array([phase.repeats for phase in phases], dtype=np.int64)
    lasting_s = repeats * np.array([one.makespan_s for one in rounds])
    link_bytes = np.zeros_like(rounds[0].link_bytes)
    for one, count in zip(rounds, repeats.tolist(), strict=True):
        link_bytes += count * one.link_bytes
    return PhasesResult(tuple(rounds), repeats, np.cumsum(lasting_s) - lasting_s, link_bytes)


def _first_alike(each: Sequence[dict[str, Any]]) -> list[int]:
    """For each phase the first one with the same flows."""
    known: dict[tuple[bytes | None, ...], int] = {}
    return [
        known.setdefault(
            tuple(None if column is None else np.asarray(column).tobytes() for column in flows.values()), number
        )
        for number, flows in enumerate(each)
    ]


def _flows(phase: Phase) -> dict[str, Any]:
    return {name: value for name, value in vars(phase).items() if name != "repeats"}


def _round(number: int, flows: dict[str, Any], capacity_bps: ArrayLike, certify: bool) -> FlowResult:
    try:
        return simulate_flows(capacity_bps=capacity_bps, certify=certify, **flows)
    except FlowError as error:
        raise FlowError(Fault(f"phase {number}: {f.message}", f.cure, field=f.field) for f in error.faults) from None


def _faults(phases: Sequence[Phase]) -> Iterator[Fault]:
    if not phases:
        yield Fault("there are no phases", "give at least one", field="phases")
    for number, phase in enumerate(phases):
        if not isinstance(phase.repeats, Integral) or phase.repeats < 1:
            cure = "a whole number of at least 1"
            yield Fault(f"phase {number}: {phase.repeats} is no number of rounds", cure, field="repeats")
