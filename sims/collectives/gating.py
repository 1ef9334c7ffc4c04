"""Which experts the tokens of a mixture of experts go to, and on which ranks these sit.

Node-limited routing (DeepSeek-V3, arXiv 2412.19437, section 2.1.2): experts are cut into groups; a token goes to its
best experts in its best groups, a group being as good as its two best experts. Expert e of E sits on rank e n / E,
rounded down. How much a token likes an expert is drawn, u ** (1 / popularity) for u uniform in 0..1, so that experts
are chosen in proportion to their popularity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, SpecError

Chosen = npt.NDArray[np.int64]
_SCORING = 2
_MOST_SCORES = 2**26
_FIELD = re.compile(r"([a-z_]+)=([0-9]{1,6})")


@dataclass(frozen=True)
class Gating:
    """DeepSeek-V3's numbers by default; `tokens` of each rank are drawn."""

    experts: int = 256
    per_token: int = 8
    groups: int = 8
    groups_per_token: int = 4
    tokens: int = 1024

    @staticmethod
    def of(said: str) -> Gating:
        """`experts=256,per_token=8,groups=8,groups_per_token=4,tokens=1024`, or some of these. Raises SpecError listing
        every fault."""
        known = [field.name for field in fields(Gating)]
        found = {word: _FIELD.fullmatch(word.strip()) for word in said.split(",")}
        faults = [
            Fault(f"{word!r} says nothing", f"one of {', '.join(known)}, like experts=256", field="experts")
            for word, match in found.items()
            if match is None or match[1] not in known
        ]
        if faults:
            raise SpecError(faults)
        gating = replace(Gating(), **{match[1]: int(match[2]) for match in found.values() if match})
        faults = gating._faults()
        if faults:
            raise SpecError(faults)
        return gating

    def _faults(self) -> list[Fault]:
        rules = {
            "all of them are 1 or more": min(self.experts, self.per_token, self.groups_per_token, self.tokens) > 0,
            "groups divide experts": self.groups > 0 and self.experts % self.groups == 0,
            "groups_per_token is at most groups": self.groups_per_token <= self.groups,
            "per_token is at most the experts of groups_per_token groups": self.groups > 0
            and self.per_token <= self.groups_per_token * self.experts // self.groups,
            f"tokens times experts are at most {_MOST_SCORES}": self.tokens * self.experts <= _MOST_SCORES,
        }
        return [Fault(f"{self} does not fit", rule, field="experts") for rule, holds in rules.items() if not holds]


DEEPSEEK_V3 = Gating()


@lru_cache(maxsize=4)
def chosen_ranks(gating: Gating, n: int, skew: float, seed: int) -> Chosen:
    """[source, token, choice] -> the rank of the expert chosen. `skew` is the exponent of Zipf's law by which experts
    are popular, `seed` says which are."""
    popularity = np.random.default_rng(seed).permutation(np.arange(1, gating.experts + 1) ** -float(skew))
    chosen = np.stack([_experts(gating, popularity, np.random.default_rng((seed, rank))) for rank in range(n)])
    ranks = chosen * n // gating.experts
    ranks.setflags(write=False)
    return ranks


def _experts(gating: Gating, popularity: npt.NDArray[np.float64], rng: np.random.Generator) -> Chosen:
    """[token, choice] of one rank."""
    liking = rng.random((gating.tokens, gating.experts))
    if np.ptp(popularity) > 0:
        liking **= popularity.max() / popularity
    grouped = liking.reshape(gating.tokens, gating.groups, -1)
    if gating.groups_per_token < gating.groups:
        best = min(_SCORING, grouped.shape[2])
        score = np.partition(grouped, grouped.shape[2] - best, axis=2)[:, :, -best:].sum(axis=2)
        left_out = np.argsort(-score, axis=1, kind="stable")[:, gating.groups_per_token :]
        np.put_along_axis(grouped, left_out[:, :, None], -1.0, axis=1)
    chosen = np.argpartition(-liking, gating.per_token - 1, axis=1)[:, : gating.per_token]
    return np.sort(chosen, axis=1).astype(np.int64)


def hits(chosen: Chosen, place: npt.NDArray[np.int64], places: int) -> npt.NDArray[np.float64]:
    """[source, place] -> the fraction of the source's tokens that any rank of the place wants; `place` is by rank."""
    sources, tokens, _ = chosen.shape
    wanted = np.zeros((sources, tokens, places), dtype=bool)
    np.put_along_axis(wanted, place[chosen], True, axis=2)
    return wanted.mean(axis=1)


def hits_elsewhere(chosen: Chosen, place: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """[source] -> the fraction of its tokens that any rank outside the source's own place wants."""
    return (place[chosen] != place[:, None, None]).any(axis=2).mean(axis=1)


def tokens_to(chosen: Chosen, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """[row, 3]: source, token and place, once for each place that the token goes to."""
    numbers = np.indices(chosen.shape)
    return np.unique(np.stack((numbers[0], numbers[1], place[chosen]), axis=-1).reshape(-1, 3), axis=0)
