"""Two steps side by side: where the second spends more or fewer seconds, by cause, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .reasons import MECHANISMS
from .train_result import TrainResult

TOLD = 0.002
"""Causes are told apart in words from this share of the longer step on."""


@dataclass(frozen=True)
class CauseDifference:
    """Seconds per step that a cause costs in either, and the second less the first; `difference_usd` per step where
    both have prices."""

    cause: str
    first_s: float
    second_s: float
    difference_s: float
    difference_usd: float | None = None


def differences(first: TrainResult, second: TrainResult) -> tuple[CauseDifference, ...]:
    """One row per cause; the differences sum to that of the step times, in dollars to that of the costs."""
    rows = []
    for mine, theirs in zip(first.ledger, second.ledger, strict=True):
        before, after = mine.gpu_seconds / first.gpus, theirs.gpu_seconds / second.gpus
        usd = None
        if first.cost and second.cost:
            usd = theirs.fraction * second.cost.usd - mine.fraction * first.cost.usd
        rows.append(CauseDifference(mine.cause, before, after, after - before, usd))
    return tuple(rows)


def told_apart(first: TrainResult, second: TrainResult, rows: Iterable[CauseDifference]) -> tuple[str, ...]:
    """A sentence per cause that differs, the largest difference first, with the reason in the step that loses more."""
    least_s = TOLD * max(first.step_time_s, second.step_time_s)
    telling = sorted((row for row in rows if abs(row.difference_s) > least_s), key=lambda row: -abs(row.difference_s))
    return tuple(_told(row, first, second) for row in telling)


def _told(row: CauseDifference, first: TrainResult, second: TrainResult) -> str:
    worse, which = (second, "second") if row.difference_s > 0 else (first, "first")
    why = next((reason.in_words for reason in worse.reasons if reason.cause == row.cause), MECHANISMS.get(row.cause))
    name = row.cause.replace("_", " ")
    return f"{name} {row.difference_s:+.4f} s: in the {which} ({worse.transport}, {worse.routing}) {why}."
