"""Max-min rates against closed forms, SimGrid, an exact twin and the definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fabricsim.fabric.errors import FlowError, InternalError
from fabricsim.sims.engine import max_min_rates
from fabricsim.sims.engine.certificate import certify_rates
from fabricsim.sims.engine.validate import check_problem
from hypothesis import given, settings
from hypothesis import strategies as st


def csr(paths):
    return np.cumsum([0, *map(len, paths)]), np.array([link for path in paths for link in path], dtype=np.int32)


@st.composite
def problems(draw):
    """Small problems with ties, caps, weights, shares and capacities over six decades."""
    n_links = draw(st.integers(1, 6))
    capacity = draw(st.lists(st.sampled_from([1, 2, 3, 5, 1000, 10**6]), min_size=n_links, max_size=n_links))
    paths = draw(st.lists(st.sets(st.integers(0, n_links - 1), min_size=1).map(sorted), min_size=1, max_size=12))
    weights = draw(st.lists(st.sampled_from([1, 1, 2, 7]), min_size=len(paths), max_size=len(paths)))
    caps = draw(st.lists(st.sampled_from([None, None, 1, 4]), min_size=len(paths), max_size=len(paths)))
    parts = draw(st.lists(st.sampled_from([1, 1, 2, 8]), min_size=64, max_size=64))
    shares = [[Fraction(1, parts[(5 * f + link) % 64]) for link in path] for f, path in enumerate(paths)]
    return capacity, paths, weights, caps, shares


def arrays(problem):
    capacity, paths, weights, caps, shares = problem
    indptr, links = csr(paths)
    return {
        "indptr": indptr,
        "links": links,
        "capacity": np.array(capacity, float),
        "weights": np.array(weights, float),
        "caps": np.array([np.inf if cap is None else cap for cap in caps]),
        "shares": np.array([float(share) for row in shares for share in row]),
    }


@given(problems())
@settings(max_examples=300, deadline=None)
def test_rates_equal_exact_water_filling(exact_rates, problem):
    capacity, paths, weights, caps, shares = problem
    expected = exact_rates(
        [dict(zip(path, row, strict=True)) for path, row in zip(paths, shares, strict=True)],
        [Fraction(c) for c in capacity],
        [Fraction(w) for w in weights],
        [None if cap is None else Fraction(cap) for cap in caps],
    )
    rates = max_min_rates(**arrays(problem), certify=True)
    np.testing.assert_allclose(rates, [float(rate) for rate in expected], rtol=1e-12)


@given(problems(), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_order_of_flows_and_unit_of_capacity_do_not_matter(problem, seed):
    given_order = max_min_rates(**arrays(problem))
    order = np.random.default_rng(seed).permutation(len(given_order))
    capacity, paths, weights, caps, shares = problem
    shuffled = (
        [c * 1024 for c in capacity],
        [paths[i] for i in order],
        [weights[i] for i in order],
        [None if caps[i] is None else caps[i] * 1024 for i in order],
        [shares[i] for i in order],
    )
    np.testing.assert_allclose(max_min_rates(**arrays(shuffled)), 1024 * given_order[order], rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 17])
def test_long_flow_of_linear_network_gets_half(k):
    """One flow over k unit links, one cross flow on each: every flow gets 1/2, whatever k."""
    rates = max_min_rates(*csr([list(range(k)), *[[link] for link in range(k)]]), np.ones(k))
    np.testing.assert_array_equal(rates, 0.5)


def test_textbook_example():
    """Bertsekas and Gallager, Data Networks, figure 6.8: links of 1, three sessions on one, two on the next."""
    rates = max_min_rates(*csr([[0, 1], [0], [0], [1, 2], [2]]), np.array([1.0, 1.0, 1.0]))
    np.testing.assert_allclose(rates, [1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2], rtol=1e-15)


def test_weights_divide_a_link_in_proportion():
    rates = max_min_rates(*csr([[0], [0], [0]]), [12.0], weights=[1.0, 2.0, 3.0])
    np.testing.assert_allclose(rates, [2.0, 4.0, 6.0], rtol=1e-15)


def test_what_a_capped_flow_leaves_goes_to_the_others():
    rates = max_min_rates(*csr([[0], [0], [0]]), [12.0], caps=[1.0, np.inf, 7.0])
    np.testing.assert_allclose(rates, [1.0, 5.5, 5.5], rtol=1e-15)


def test_share_of_a_sprayed_flow_loads_each_path_by_its_fraction():
    """A flow over two parallel links at half each, against a whole flow on the first: r/2 + s = 10, r = s."""
    rates = max_min_rates(*csr([[0, 1], [0]]), [10.0, 10.0], shares=[0.5, 0.5, 1.0])
    np.testing.assert_allclose(rates, [20 / 3, 20 / 3], rtol=1e-15)


def test_a_flow_that_crosses_nothing_runs_at_its_cap():
    np.testing.assert_array_equal(max_min_rates([0, 0, 1], [0], [8.0], caps=[3.0, np.inf]), [3.0, 8.0])


def test_no_flows_have_no_rates():
    assert max_min_rates([0], [], [1.0]).shape == (0,)


def test_capacities_over_twelve_decades_keep_their_digits():
    """Nested links: a flow on each prefix; link i is 10^i, so flow i ends with 10^i less what the narrower took."""
    capacity = 10.0 ** np.arange(13)
    rates = max_min_rates(*csr([list(range(i, 13)) for i in range(13)]), capacity, certify=True)
    np.testing.assert_allclose(rates, [1.0, *(9.0 * 10.0 ** np.arange(12))], rtol=1e-12)


@pytest.mark.parametrize("case", ["rand1000d_uni_solve", "rand10000s_uni_solve"])
def test_rates_agree_with_simgrid(simgrid, case):
    data = simgrid(case)
    rates = max_min_rates(data["indptr"], data["links"], data["capacity"], certify=True)
    np.testing.assert_allclose(rates, data["rates"], rtol=1e-9)


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([5.0, 5.0, 6.0], "beyond its capacity"),
        ([5.0, 5.0, 4.0], "without a bottleneck"),
        ([4.0, 6.0, 4.0], "without a bottleneck"),
        ([5.0, 3.0, 5.0], "above its cap"),
    ],
)
def test_certificate_refuses_rates_that_are_not_fair(rates, words):
    """One flow shares a link of 10 with each of two others: (5, 5, 5) is fair, unless the second is capped at 2."""
    caps = [np.inf, 2.0 if words == "above its cap" else 9.0, 9.0]
    problem = check_problem(*csr([[0, 1], [0], [1]]), [10.0, 10.0], None, None, caps)
    with pytest.raises(InternalError, match=words):
        certify_rates(problem, np.array(rates))


GOOD = {"indptr": [0, 1, 2], "links": [0, 1], "capacity": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"capacity": [0.0, 1.0]}, "flow 0: path uses link 0 of capacity 0.0"),
        ({"capacity": [1.0, -2.0]}, "flow 1: path uses link 1 of capacity -2.0"),
        ({"capacity": [np.nan, 1.0]}, "flow 0: path uses link 0 of capacity nan"),
        ({"capacity": [np.inf, 1.0]}, "flow 0: path uses link 0 of capacity inf"),
        ({"links": [0, 2]}, "flow 1: path names link 2, and there are 2"),
        ({"links": [-1, 1]}, "flow 0: path names link -1, and there are 2"),
        ({"links": [0.0, 1.0]}, "links: not a one-dimensional array of integers"),
        ({"links": [0, 2**40]}, "links: beyond the range of int32"),
        ({"indptr": [0, 0, 2], "links": [1, 1]}, "flow 1: path crosses link 1 twice"),
        ({"indptr": [0, 0, 2]}, "flow 0: path is empty and there is no cap"),
        ({"indptr": [0, 3, 2]}, "indptr: rows must begin at 0, never fall"),
        ({"indptr": [1, 1, 2]}, "indptr: rows must begin at 0"),
        ({"indptr": [0, 1, 1]}, "end at the number of links, 2"),
        ({"indptr": []}, "indptr: rows must begin at 0"),
        ({"shares": [1.0, 1.5]}, r"flow 1: share 1.5 of link 1 is not in \(0, 1\]"),
        ({"shares": [0.0, 1.0]}, "flow 0: share 0.0 of link 0"),
        ({"shares": [np.nan, 1.0]}, "flow 0: share nan"),
        ({"shares": [1.0]}, "shares: 1 values where 2 are needed"),
        ({"weights": [0.0, 1.0]}, "weights: flow 0: 0.0 is not a finite number above 0"),
        ({"weights": [1.0, np.inf]}, "weights: flow 1: inf"),
        ({"weights": [[1.0, 1.0]]}, "weights: must have one dimension, not 2"),
        ({"caps": [-1.0, 1.0]}, "caps: flow 0: -1.0 is not a number of at least 0"),
        ({"caps": [1.0, np.nan]}, "caps: flow 1: nan"),
        ({"capacity": ["fast", 1.0]}, "capacity: not an array of numbers"),
    ],
)
def test_input_that_is_no_problem_is_named(change, words):
    with pytest.raises(FlowError, match=words):
        max_min_rates(**(GOOD | change))


def test_every_fault_is_named_at_once():
    with pytest.raises(FlowError) as error:
        max_min_rates([0, 1, 3], [0, 1, 1], [0.0, 1.0], weights=[1.0, -1.0], caps=[np.nan, 1.0], shares=[1.0, 2.0, 1.0])
    assert len(error.value.faults) == 5
