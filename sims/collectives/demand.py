"""Who has how much for whom in an all-to-all: alike for all, or unlike as in a mixture of experts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.errors import Fault, SpecError
from .schedule import Floats

MOST_SKEW = 10

EXCHANGES = ("all-to-all", "all-to-all-v")


@dataclass(frozen=True)
class Call:
    """One call of an operation. `skew` is the exponent of Zipf's law by which ranks are popular as destinations of an
    all-to-all-v (0: all alike), `seed` says which of them are."""

    op: str
    skew: float = 0.0
    seed: int = 0

    @staticmethod
    def checked(op: str, skew: float | None, seed: int) -> Call:
        """Raises SpecError for a skew that is below 0 or belongs to no all-to-all-v."""
        if skew is None:
            return Call(op, 0.0, seed)
        if op != "all-to-all-v":
            raise SpecError(Fault(f"does nothing in {op}", "leave it out, or use all-to-all-v", field="skew"))
        if not 0 <= skew <= MOST_SKEW:
            raise SpecError(Fault(f"{skew} is outside 0..{MOST_SKEW}", "0 is even, 1 Zipf's law", field="skew"))
        return Call(op, skew, seed)


def pair_shares(call: Call, n: int) -> Floats:
    """[source, destination] -> fraction of the size, which is what the busiest rank sends or receives (nccl-tests,
    alltoallv): every rank sends equally much, by the popularity of the destinations, its own share included."""
    return np.broadcast_to(destination_shares(call, n), (n, n))


def destination_shares(call: Call, n: int) -> Floats:
    """What every rank has for each destination, as fraction of the size."""
    popularity = np.arange(1, n + 1) ** -float(call.skew)
    drawn = np.random.default_rng(call.seed).permutation(popularity)
    return drawn / (n * drawn.max())
