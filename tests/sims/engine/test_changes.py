"""Capacities and routes that change while flows run, against hand calculation and an exact twin."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from fabricsim.fabric.errors import FlowError
from fabricsim.sims.engine import Changes, simulate_flows
from hypothesis import given, settings
from hypothesis import strategies as st

GB = 1e9
ONE_FLOW = {"indptr": [0, 1], "links": [0], "capacity_bps": [8 * GB], "size_bytes": [GB]}
TWO_FLOWS = {"indptr": [0, 1, 2], "links": [0, 0], "capacity_bps": [8 * GB, 8 * GB], "size_bytes": [GB, GB]}


def csr(rows):
    return np.cumsum([0, *map(len, rows)]), np.array([item for row in rows for item in row], dtype=np.int32)


def test_half_the_capacity_takes_twice_the_time_from_then_on():
    changes = Changes(capacity_s=[0.5], capacity_link=[0], capacity_bps=[4 * GB])
    result = simulate_flows(**ONE_FLOW, changes=changes, certify=True)
    np.testing.assert_allclose(result.finish_s, [1.5], rtol=1e-12)
    np.testing.assert_allclose(result.link_bytes, [GB], rtol=1e-12)


def test_a_flow_waits_while_its_link_is_down():
    changes = Changes(capacity_s=[2.0, 0.5], capacity_link=[0, 0], capacity_bps=[8 * GB, 0.0])
    np.testing.assert_allclose(simulate_flows(**ONE_FLOW, changes=changes, certify=True).finish_s, [2.5], rtol=1e-12)


def test_a_link_that_stays_down_is_an_error_that_names_the_flow():
    changes = Changes(capacity_s=[0.5], capacity_link=[0], capacity_bps=[0.0])
    with pytest.raises(FlowError, match="flow 0: never ends"):
        simulate_flows(**ONE_FLOW, changes=changes)


def test_a_flow_takes_what_it_has_left_to_its_new_route():
    """Both have 0.75 GB left at 0.5 s, and then a link each."""
    changes = Changes(route_s=[0.5], route_flow=[1], route_indptr=[0, 1], route_links=[1])
    result = simulate_flows(**TWO_FLOWS, changes=changes, certify=True)
    np.testing.assert_allclose(result.finish_s, [1.25, 1.25], rtol=1e-12)
    np.testing.assert_allclose(result.link_bytes, [1.25 * GB, 0.75 * GB], rtol=1e-12)


def test_a_flow_routed_anew_off_a_dead_link_ends():
    changes = Changes(
        [0.5], [0], [0.0], route_s=[1.0, 1.0], route_flow=[0, 1], route_indptr=[0, 1, 2], route_links=[1, 1]
    )
    result = simulate_flows(**TWO_FLOWS, changes=changes, certify=True)
    np.testing.assert_allclose(result.finish_s, [2.5, 2.5], rtol=1e-12)


def test_of_two_routes_at_one_time_the_later_wins():
    changes = Changes(route_s=[0.5, 0.5], route_flow=[1, 1], route_indptr=[0, 1, 2], route_links=[0, 1])
    result = simulate_flows(**TWO_FLOWS, changes=changes, certify=True)
    np.testing.assert_allclose(result.finish_s, [1.25, 1.25], rtol=1e-12)
    np.testing.assert_allclose(result.link_bytes, [1.25 * GB, 0.75 * GB], rtol=1e-12)


def test_a_route_changes_before_the_start_and_not_after_the_end():
    changes = Changes(route_s=[0.5, 1.5], route_flow=[1, 0], route_indptr=[0, 1, 2], route_links=[1, 1])
    result = simulate_flows(**TWO_FLOWS, start_s=[0.0, 0.75], changes=changes, certify=True)
    np.testing.assert_allclose(result.finish_s, [1.0, 1.75], rtol=1e-12)
    np.testing.assert_array_equal(result.link_bytes, [GB, GB])


def test_the_capacities_given_are_left_alone():
    capacity = np.array([8 * GB])
    simulate_flows([0, 1], [0], capacity, [GB], changes=Changes([0.5], [0], [4 * GB]))
    assert capacity[0] == 8 * GB


@st.composite
def runs(draw):
    """Small runs with caps, weights, changes of capacity (also to 0 for a while) and of routes."""
    n_links, n = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    path = st.sets(st.integers(0, n_links - 1), min_size=1).map(sorted)
    times = st.sampled_from([Fraction(k, 4) for k in range(12)])
    changed = st.tuples(times, st.just("capacity"), st.integers(0, n_links - 1), st.sampled_from([0, 4, 8, 24]))
    routed = st.tuples(times, st.just("route"), st.integers(0, n - 1), path)
    recovery = [(Fraction(3), "capacity", link, 8) for link in range(n_links)]
    return {
        "capacity": draw(st.lists(st.sampled_from([8, 16, 24]), min_size=n_links, max_size=n_links)),
        "paths": draw(st.lists(path, min_size=n, max_size=n)),
        "size": draw(st.lists(st.sampled_from([0, 1, 2, 5]), min_size=n, max_size=n)),
        "start": draw(st.lists(st.sampled_from([0, Fraction(1, 2), 1]), min_size=n, max_size=n)),
        "weights": draw(st.lists(st.sampled_from([1, 1, 3]), min_size=n, max_size=n)),
        "caps": draw(st.lists(st.sampled_from([None, None, 4]), min_size=n, max_size=n)),
        "changes": draw(st.lists(st.one_of(changed, routed), max_size=6)) + recovery,
    }


@given(runs())
@settings(max_examples=200, deadline=None)
def test_times_equal_an_exact_run(exact_run, run):
    changes = [
        (time, kind, item, dict.fromkeys(value, Fraction(1)) if kind == "route" else Fraction(value))
        for time, kind, item, value in run["changes"]
    ]
    _, end = exact_run(
        [dict.fromkeys(path, Fraction(1)) for path in run["paths"]],
        [Fraction(x) for x in run["capacity"]],
        [Fraction(8 * x) for x in run["size"]],
        [Fraction(x) for x in run["start"]],
        [Fraction(x) for x in run["weights"]],
        [None if cap is None else Fraction(cap) for cap in run["caps"]],
        [[]] * len(run["paths"]),
        changes,
    )
    capacities = [(float(time), link, value) for time, kind, link, value in run["changes"] if kind == "capacity"]
    routes = [(float(time), flow, path) for time, kind, flow, path in run["changes"] if kind == "route"]
    result = simulate_flows(
        *csr(run["paths"]),
        np.array(run["capacity"], float),
        np.array(run["size"], float),
        np.array(run["start"], float),
        weights=np.array(run["weights"], float),
        caps_bps=np.array([np.inf if cap is None else cap for cap in run["caps"]]),
        changes=Changes(
            *zip(*capacities, strict=True),
            [time for time, _, _ in routes],
            [flow for _, flow, _ in routes],
            *csr([path for _, _, path in routes]),
        ),
        certify=True,
    )
    np.testing.assert_allclose(result.finish_s, [float(t) for t in end], rtol=1e-11, atol=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (Changes([1.0], [2], [1.0]), "capacity_link: change 0: 2 is not a link of the 2"),
        (Changes([1.0], [0], [-1.0]), "capacity_bps: change 0: -1.0"),
        (Changes([1.0], [0], [np.inf]), "capacity_bps: change 0: inf"),
        (Changes([np.nan], [0], [1.0]), "capacity_s: change 0: nan"),
        (Changes([1.0, 2.0], [0], [1.0]), "capacity_s: 2 values where 1 are needed"),
        (
            Changes(route_s=[1.0], route_flow=[5], route_indptr=[0, 1], route_links=[1]),
            "route_flow: change 0: 5 is not",
        ),
        (Changes(route_s=[1.0], route_flow=[0], route_indptr=[0, 2], route_links=[1, 1]), "path crosses link 1 twice"),
        (Changes(route_s=[1.0], route_flow=[0]), "0 paths for 1 changes of route"),
    ],
)
def test_changes_that_cannot_be_made_are_named(changes, words):
    with pytest.raises(FlowError, match=words):
        simulate_flows(**TWO_FLOWS, changes=changes)
