"""Who has how much for whom in an all-to-all: alike for all, or unlike as in a mixture of experts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.errors import Fault, SpecError
from .gating import DEEPSEEK_V3, Gating
from .schedule import Floats

MOST_SKEW = 10

EXCHANGES = ("all-to-all", "all-to-all-v")
EXPERT_OPS = ("moe-dispatch", "moe-combine")


@dataclass(frozen=True)
class Call:
    """One call of an operation. `skew` is the exponent of Zipf's law by which ranks are popular as destinations of an
    all-to-all-v, or experts with tokens (0: all alike), `seed` says which of them are; `gating` is of experts."""

    op: str
    skew: float = 0.0
    seed: int = 0
    gating: Gating = DEEPSEEK_V3

    @staticmethod
    def checked(op: str, skew: float | None, seed: int, experts: str | None = None) -> Call:
        """Raises SpecError for experts that do not fit, for a skew that is below 0, and where they do nothing."""
        if experts is not None and op not in EXPERT_OPS:
            cure = f"leave it out, or use {' or '.join(EXPERT_OPS)}"
            raise SpecError(Fault(f"does nothing in {op}", cure, field="experts"))
        gating = DEEPSEEK_V3 if experts is None else Gating.of(experts)
        if skew is None:
            return Call(op, 0.0, seed, gating)
        if op not in ("all-to-all-v", *EXPERT_OPS):
            cure = f"leave it out, or use all-to-all-v or {' or '.join(EXPERT_OPS)}"
            raise SpecError(Fault(f"does nothing in {op}", cure, field="skew"))
        if not isinstance(skew, int | float | np.number) or not 0 <= skew <= MOST_SKEW:
            raise SpecError(Fault(f"{skew!r} is outside 0..{MOST_SKEW}", "0 is even, 1 Zipf's law", field="skew"))
        return Call(op, skew, seed, gating)


def pair_shares(call: Call, n: int) -> Floats:
    """[source, destination] -> fraction of the size, which is what the busiest rank sends or receives (nccl-tests,
    alltoallv): every rank sends equally much, by the popularity of the destinations, its own share included."""
    return np.broadcast_to(destination_shares(call, n), (n, n))


def destination_shares(call: Call, n: int) -> Floats:
    """What every rank has for each destination, as fraction of the size."""
    popularity = np.arange(1, n + 1) ** -float(call.skew)
    drawn = np.random.default_rng(call.seed).permutation(popularity)
    return drawn / (n * drawn.max())
