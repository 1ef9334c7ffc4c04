"""Effective bisection bandwidth of a routing (Hoefler, Schneider, Lumsdaine, "Multistage switches are not crossbars",
CLUSTER 2008): ranks are split into two random halves and paired across; a flow gets the rate that its most crowded link
has left when all flows on a link share it evenly; the mean over flows and many such patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from ..routing import Router
from ..routing.router import Paths

_PATTERNS = 100
_MOST_FLOWS = 1_000_000


@dataclass(frozen=True)
class EffectiveBisection:
    """`share`: mean of a flow's rate over what it would get alone; `deviation` of the patterns' means; `lowest`: the
    slowest flow of all; `bps`: mean of a pattern's rates together, one way."""

    share: float
    deviation: float
    lowest: float
    bps: float
    patterns: int


def effective_bisection(fabric: Fabric, router: Router, seed: int = 0) -> EffectiveBisection | None:
    """Over 100 seeded patterns, fewer beyond 20,000 ranks. None below two ranks. Raises RoutingError."""
    if fabric.ranks < 2:
        return None
    rng = np.random.default_rng(seed)
    patterns = max(4, min(_PATTERNS, 2 * _MOST_FLOWS // fabric.ranks))
    rates = [_pattern(fabric, router, rng) for _ in range(patterns)]
    means = np.array([share.mean() for share, _ in rates])
    return EffectiveBisection(
        share=float(means.mean()),
        deviation=float(means.std()),
        lowest=float(min(share.min() for share, _ in rates)),
        bps=float(np.mean([rate_bps.sum() for _, rate_bps in rates])),
        patterns=patterns,
    )


def _pattern(
    fabric: Fabric, router: Router, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Each flow's share of what it gets alone, and its rate in bit/s, in one random bisection pattern."""
    order = rng.permutation(fabric.ranks)
    half = fabric.ranks // 2
    entropy = rng.integers(2**63, size=half, dtype=np.uint64)
    paths = router.paths(order[:half], order[half : 2 * half], entropy)
    alone_bps, shared_bps = fabric.capacity_bps[paths.links], crowded_bps(fabric, paths)
    rate_bps = np.minimum.reduceat(shared_bps, paths.indptr[:-1])
    return rate_bps / np.minimum.reduceat(alone_bps, paths.indptr[:-1]), rate_bps


def crowded_bps(fabric: Fabric, paths: Paths) -> npt.NDArray[np.float64]:
    """Per hop of every path, the link's capacity over the number of paths on it."""
    flows = np.bincount(paths.links, minlength=fabric.links)
    return fabric.capacity_bps[paths.links] / flows[paths.links]
