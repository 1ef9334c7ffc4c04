"""Weighted max-min fair rates, with caps and shares (Bertsekas and Gallager, Data Networks, section 6.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._max_min_kernels import new_filling, water_fill
from .certificate import certify_rates
from .validate import Floats, check_problem


def max_min_rates(
    indptr: ArrayLike,
    links: ArrayLike,
    capacity: ArrayLike,
    shares: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    caps: ArrayLike | None = None,
    certify: bool = False,
) -> Floats:
    """The max-min fair rate of each flow, in the unit of `capacity`.

    A rate r is fair if it is feasible (`sum(share * r) <= capacity` on each link, `r <= cap`) and every flow either is
    at its cap or crosses a full link on which no flow has a larger r / weight. There is exactly one such allocation.
    Cost: the total path length, times the log of the number of shared links.

    Args:
        indptr, links: CSR, one row per flow: the ids of the links on its path, each at most once.
        capacity: per link, any unit of rate.
        shares: per entry of `links`, the fraction of the flow that crosses this link, in (0, 1]; all of it if None.
        weights: per flow, above 0; 1 if None.
        caps: per flow, at least 0, inf for none; a flow with an empty path needs one.
        certify: check the definition above on the answer, at about the cost of the answer.

    Raises:
        FlowError: the input is no such problem; carries every fault.
        InternalError: `certify` found the answer wrong.
    """
    problem = check_problem(indptr, links, capacity, shares, weights, caps)
    paths = problem.paths()
    filling = new_filling(problem.n_flows, len(problem.capacity), len(problem.links), len(paths.demand) == 0)
    water_fill(np.arange(problem.n_flows, dtype=np.int32), paths, problem.capacity, filling)
    rates = problem.rates(filling.level)
    if certify:
        certify_rates(problem, rates)
    return rates
