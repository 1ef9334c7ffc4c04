"""Effective bisection bandwidth of a routing (Hoefler, Schneider, Lumsdaine, "Multistage switches are not crossbars",
CLUSTER 2008): ranks are split into two random halves and paired across; a flow gets the rate that its most crowded link
has left when all flows on a link share it evenly; the mean over flows and many such patterns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric
from ..routing import Router
from ..routing.next_hops import NextHops
from ..routing.switched import SwitchedRouter
from ..routing.valiant import ValiantHops

_PATTERNS = 100
_MOST_FLOWS = 500_000
_MOST_VISITS = 4e9
"""Links looked at where a router searches the graph from every destination: some fifteen seconds."""
_FLOWS_PER_CALL = 2_000_000
"""A router looks at each destination once per call, so that calls are as large as memory bears."""


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
    """Over 100 seeded patterns, fewer beyond 10,000 ranks. None below two ranks. Raises RoutingError, for pairs
    without a path and where the router would take too long to find them all."""
    if fabric.ranks < 2:
        return None
    _refuse_endless(fabric, router)
    rng = np.random.default_rng(seed)
    patterns = max(4, min(_PATTERNS, 2 * _MOST_FLOWS // fabric.ranks))
    half = fabric.ranks // 2
    shares, rates_bps = [], []
    for some in np.array_split(np.arange(patterns), -(-patterns * half // _FLOWS_PER_CALL)):
        share, rate_bps = _rates(fabric, router, len(some), rng)
        shares.append(share)
        rates_bps.append(rate_bps)
    share, rate_bps = np.concatenate(shares), np.concatenate(rates_bps)
    means = share.mean(axis=1)
    return EffectiveBisection(
        share=float(means.mean()),
        deviation=float(means.std()),
        lowest=float(share.min()),
        bps=float(rate_bps.sum(axis=1).mean()),
        patterns=patterns,
    )


def _refuse_endless(fabric: Fabric, router: Router) -> None:
    if isinstance(router, SwitchedRouter) and isinstance(router.hops, NextHops | ValiantHops):
        goals, links = len(np.unique(router.ports.switch)), len(router.hops.graph.links)
        if goals * links > _MOST_VISITS:
            message = f"shortest ways to {goals} switches over {links} links would take minutes to find"
            raise RoutingError(Fault(message, "measure a smaller fabric of the kind"))


def _rates(
    fabric: Fabric, router: Router, patterns: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Each flow's share of what it gets alone, and its rate in bit/s, in random bisection patterns [pattern, flow]."""
    half = fabric.ranks // 2
    order = np.array([rng.permutation(fabric.ranks) for _ in range(patterns)])
    entropy = rng.integers(2**63, size=patterns * half, dtype=np.uint64)
    paths = router.paths(order[:, :half].ravel(), order[:, half : 2 * half].ravel(), entropy)
    begin = paths.indptr[::half].tolist()
    crowded = np.concatenate([crowded_bps(fabric, paths.links[a:b]) for a, b in pairwise(begin)])
    rate_bps = np.minimum.reduceat(crowded, paths.indptr[:-1])
    alone_bps = np.minimum.reduceat(fabric.capacity_bps[paths.links], paths.indptr[:-1])
    return (rate_bps / alone_bps).reshape(patterns, half), rate_bps.reshape(patterns, half)


def crowded_bps(fabric: Fabric, links: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Per hop of one pattern's paths, the link's capacity over the number of paths on it."""
    flows = np.bincount(links, minlength=fabric.links)
    return fabric.capacity_bps[links] / flows[links]
