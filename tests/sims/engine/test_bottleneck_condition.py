"""The bottleneck condition on random problems: a hundred thousand of them by `make fuzz`."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.engine import max_min_rates
from hypothesis import given, settings
from hypothesis import strategies as st


def is_fair(rates, indptr, links, capacity, shares, weights, caps):
    """Bertsekas and Gallager, Data Networks, section 6.5, word for word: feasible, and every flow is at its cap or
    crosses a full link on which no flow has a larger rate / weight."""
    slack = 1e-9
    load, highest = np.zeros(len(capacity)), np.zeros(len(capacity))
    owner = np.repeat(np.arange(len(rates)), np.diff(indptr))
    level = rates / weights
    np.add.at(load, links, shares * rates[owner])
    np.maximum.at(highest, links, level[owner])
    assert (load <= capacity * (1 + slack)).all()
    assert (rates <= caps * (1 + slack)).all()
    full = load >= capacity * (1 - slack)
    first = full[links] & (level[owner] >= highest[links] * (1 - slack))
    bottlenecked = np.bincount(owner, weights=first, minlength=len(rates)) > 0
    return (bottlenecked | (rates >= caps * (1 - slack))).all()


def problem(seed):
    """Up to 60 flows on up to 20 links; ties or capacities over twelve decades, weights over six, caps, shares."""
    rng = np.random.default_rng(seed)
    n_links, n = int(rng.integers(1, 21)), int(rng.integers(1, 61))
    lengths = rng.integers(1, min(n_links, 7) + 1, n)
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    links = np.concatenate([rng.choice(n_links, length, replace=False) for length in lengths]).astype(np.int32)
    capacity = (np.ones(n_links), rng.integers(1, 5, n_links) * 1.0, 10 ** rng.uniform(0, 12, n_links))[rng.integers(3)]
    shares = (np.ones(len(links)), rng.choice([1.0, 0.5, 1 / 3], len(links)))[rng.integers(2)]
    weights = (np.ones(n), rng.integers(1, 4, n) * 1.0, 10 ** rng.uniform(-3, 3, n))[rng.integers(3)]
    caps = (np.full(n, np.inf), np.where(rng.random(n) < 0.5, np.inf, 10 ** rng.uniform(-2, 12, n)))[rng.integers(2)]
    return {"indptr": indptr, "links": links, "capacity": capacity, "shares": shares, "weights": weights, "caps": caps}


@pytest.mark.slow
@given(st.integers(0, 2**63 - 1))
@settings(max_examples=100_000, deadline=None, database=None)
def test_rates_meet_the_bottleneck_condition(seed):
    given_problem = problem(seed)
    assert is_fair(max_min_rates(**given_problem), **given_problem)


@pytest.mark.parametrize("seed", [101747402, *range(30)])
def test_rates_of_known_problems_meet_the_bottleneck_condition(seed):
    """The first: a link whose level is, by rounding, a hair below the bucket that it waits in."""
    given_problem = problem(seed)
    assert is_fair(max_min_rates(**given_problem), **given_problem)
