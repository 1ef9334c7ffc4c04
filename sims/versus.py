"""Two steps side by side: where the second spends more or fewer seconds, by cause."""

from __future__ import annotations

from dataclasses import dataclass

from .train_result import TrainResult


@dataclass(frozen=True)
class CauseDifference:
    """Seconds per step that a cause costs in either, and the second less the first."""

    cause: str
    first_s: float
    second_s: float
    difference_s: float


def differences(first: TrainResult, second: TrainResult) -> tuple[CauseDifference, ...]:
    """One row per cause; the differences sum to that of the step times."""
    rows = []
    for mine, theirs in zip(first.ledger, second.ledger, strict=True):
        before, after = mine.gpu_seconds / first.gpus, theirs.gpu_seconds / second.gpus
        rows.append(CauseDifference(mine.cause, before, after, after - before))
    return tuple(rows)
