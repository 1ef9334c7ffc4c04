"""Finish times against closed forms, SimGrid and an exact twin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from fabricsim.fabric.errors import FlowError, InternalError
from fabricsim.sims.engine import simulate_flows
from fabricsim.sims.engine.certificate import certify_conservation
from hypothesis import given, settings
from hypothesis import strategies as st

GB = 1e9


def csr(rows):
    return np.cumsum([0, *map(len, rows)]), np.array([item for row in rows for item in row], dtype=np.int32)


@st.composite
def runs(draw):
    """Small runs: ties in time, six decades of capacity, weights, caps, shares, dependencies, flows without bytes."""
    n_links = draw(st.integers(1, 5))
    n = draw(st.integers(1, 9))

    def each(values, length=n):
        return draw(st.lists(st.sampled_from(values), min_size=length, max_size=length))

    paths = draw(st.lists(st.sets(st.integers(0, n_links - 1), min_size=1).map(sorted), min_size=n, max_size=n))
    parts = each([1, 1, 1, 2, 4], n * n_links)
    after = [draw(st.sets(st.integers(0, f - 1), max_size=2).map(sorted)) if f else [] for f in range(n)]
    return {
        "capacity": each([8, 8, 16, 24, 8000, 8 * 10**6], n_links),
        "paths": [{link: Fraction(1, parts[f * n_links + link]) for link in path} for f, path in enumerate(paths)],
        "size": each([0, 1, 1, 2, 3, Fraction(1, 4), 1000, 10**6]),
        "start": each([0, 0, 0, 1, Fraction(1, 2), Fraction(5, 4)]),
        "weights": each([1, 1, 1, 2, 5]),
        "caps": each([None, None, None, 8, 4]),
        "after": after if draw(st.booleans()) else [[] for _ in range(n)],
    }


def as_arrays(run):
    indptr, links = csr([list(path) for path in run["paths"]])
    return {
        "indptr": indptr,
        "links": links,
        "capacity_bps": np.array(run["capacity"], float),
        "size_bytes": np.array(run["size"], float),
        "start_s": np.array(run["start"], float),
        "shares": np.array([float(share) for path in run["paths"] for share in path.values()]),
        "weights": np.array(run["weights"], float),
        "caps_bps": np.array([np.inf if cap is None else cap for cap in run["caps"]]),
        "after": csr(run["after"]),
    }


@given(runs(), st.booleans())
@settings(max_examples=400, deadline=None)
def test_times_equal_an_exact_run(exact_run, run, certify):
    exact = [Fraction(x) for x in run["capacity"]], [8 * Fraction(x) for x in run["size"]]
    caps = [None if cap is None else Fraction(cap) for cap in run["caps"]]
    start, weights = [Fraction(x) for x in run["start"]], [Fraction(x) for x in run["weights"]]
    begin, end = exact_run(run["paths"], *exact, start, weights, caps, run["after"])
    result = simulate_flows(**as_arrays(run), certify=certify)
    np.testing.assert_allclose(result.start_s, [float(t) for t in begin], rtol=1e-11, atol=0)
    np.testing.assert_allclose(result.finish_s, [float(t) for t in end], rtol=1e-11, atol=0)


@pytest.mark.parametrize("case", ["perm128", "perm1024", "a2a64", "a2a128"])
def test_finish_times_agree_with_simgrid(simgrid, case):
    data = simgrid(case)
    result = simulate_flows(
        data["indptr"], data["links"], data["capacity"] * 8, data["size"], data["start"], certify=True
    )
    # SimGrid ends flows within 1 ns of each other together.
    np.testing.assert_allclose(result.finish_s, data["finish"], rtol=1e-9, atol=5e-9)


def test_staggered_flows_share_a_link_as_processor_sharing():
    """1 GB each into 1 GB/s at 0, 0.5 and 0.5 s: the first has 0.5 GB left when it begins to share with two."""
    result = simulate_flows([0, 1, 2, 3], [0, 0, 0], [8 * GB], [GB, GB, GB], [0.0, 0.5, 0.5])
    np.testing.assert_allclose(result.finish_s, [2.0, 3.0, 3.0], rtol=1e-12)
    np.testing.assert_allclose(result.rate_bps, [4 * GB, 3.2 * GB, 3.2 * GB], rtol=1e-12)
    assert result.makespan_s == pytest.approx(3.0, rel=1e-12)


def test_chain_of_flows_runs_one_after_the_other():
    n = 5
    after = csr([[], *[[i] for i in range(n - 1)]])
    result = simulate_flows(np.arange(n + 1), np.zeros(n, int), [8 * GB], np.full(n, GB), after=after)
    np.testing.assert_allclose(result.start_s, np.arange(n), rtol=1e-12)
    np.testing.assert_allclose(result.finish_s, np.arange(1, n + 1), rtol=1e-12)


def test_start_is_the_later_of_its_time_and_its_dependencies():
    result = simulate_flows(
        [0, 1, 2, 3], [0, 1, 2], [8 * GB] * 3, [GB, 0.0, GB], [0.0, 4.0, 0.5], after=([0, 0, 1, 3], [0, 0, 1])
    )
    np.testing.assert_allclose(result.start_s, [0.0, 4.0, 4.0])
    np.testing.assert_allclose(result.finish_s, [1.0, 4.0, 5.0])


def test_flow_without_bytes_ends_as_it_starts():
    result = simulate_flows([0, 0, 1], [0], [8 * GB], [0.0, GB], [0.25, 0.0])
    np.testing.assert_array_equal(result.finish_s, [0.25, 1.0])
    assert result.rate_bps[0] == np.inf


def test_one_byte_and_one_petabyte_run_together():
    result = simulate_flows([0, 1, 2], [0, 0], [8e9], [1.0, 1e15], certify=True)
    np.testing.assert_allclose(result.finish_s, [2e-9, 1e6 + 1e-9], rtol=1e-15)


@st.composite
def extreme_runs(draw):
    """Capacities over twelve decades, and a byte beside a petabyte."""
    n_links, n = draw(st.integers(1, 4)), draw(st.integers(1, 6))

    def each(values, length):
        return draw(st.lists(st.sampled_from(values), min_size=length, max_size=length))

    paths = draw(st.lists(st.sets(st.integers(0, n_links - 1), min_size=1).map(sorted), min_size=n, max_size=n))
    capacity = [10**power for power in range(3, 16, 3)]
    return paths, each(capacity, n_links), each([1, 10**6, 10**15], n), each([0, 1, 10**6], n)


@given(extreme_runs())
@settings(max_examples=200, deadline=None)
def test_twelve_decades_of_capacity_and_fifteen_of_size_keep_their_digits(exact_run, run):
    paths, capacity, size, start = run
    n = len(paths)
    _, end = exact_run(
        [dict.fromkeys(path, Fraction(1)) for path in paths],
        [Fraction(c) for c in capacity],
        [Fraction(8 * s) for s in size],
        [Fraction(s) for s in start],
        [Fraction(1)] * n,
        [None] * n,
        [[]] * n,
    )
    result = simulate_flows(*csr(paths), np.array(capacity, float), np.array(size, float), np.array(start, float))
    np.testing.assert_allclose(result.finish_s, [float(t) for t in end], rtol=1e-11, atol=0)


def test_links_carry_the_share_of_bytes_sent_over_them():
    result = simulate_flows([0, 2, 3], [0, 1, 1], [8 * GB, 8 * GB, 1.0], [100.0, 60.0], shares=[1.0, 0.25, 1.0])
    np.testing.assert_array_equal(result.link_bytes, [100.0, 85.0, 0.0])


def test_no_flows_take_no_time():
    result = simulate_flows([0], [], [1.0], [])
    assert result.makespan_s == 0.0
    np.testing.assert_array_equal(result.link_bytes, [0.0])


@pytest.mark.parametrize("symmetry", [False, True])
def test_a_million_simultaneous_completions_keep_every_byte(symmetry):
    n = 1_000_000
    links, capacity = np.arange(n, dtype=np.int32) % 1000, np.full(1000, 8 * GB)
    result = simulate_flows(np.arange(n + 1), links, capacity, np.full(n, GB), symmetry=symmetry, certify=True)
    np.testing.assert_allclose(result.finish_s, 1000.0, rtol=1e-12)
    np.testing.assert_allclose(result.link_bytes, 1000 * GB, rtol=1e-12)


def test_kernels_give_the_same_bytes_on_one_thread_and_on_two():
    rng = np.random.default_rng(7)
    runs = [(np.arange(51) * 2, rng.permuted(np.tile(np.arange(9), (50, 1)), axis=1)[:, :2].ravel()) for _ in range(4)]

    def finish(run):
        return simulate_flows(*run, np.full(9, 8 * GB), np.linspace(1e6, 2e6, 50)).finish_s.tobytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(finish, runs)) == [finish(run) for run in runs]


GOOD = {"indptr": [0, 1, 2], "links": [0, 1], "capacity_bps": [1.0, 1.0], "size_bytes": [1.0, 1.0]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size_bytes": [1.0]}, "size_bytes: 1 values where 2 are needed"),
        ({"size_bytes": [-1.0, 1.0]}, "size_bytes: flow 0: -1.0"),
        ({"size_bytes": [1.0, np.nan]}, "size_bytes: flow 1: nan"),
        ({"size_bytes": [1.0, np.inf]}, "size_bytes: flow 1: inf"),
        ({"start_s": [0.0, -1.0]}, "start_s: flow 1: -1.0"),
        ({"start_s": [np.nan, 0.0]}, "start_s: flow 0: nan"),
        ({"start_s": [0.0]}, "start_s: 1 values where 2 are needed"),
        ({"capacity_bps": [0.0, 1.0]}, "flow 0: path uses link 0 of capacity 0.0"),
        ({"indptr": [0, 0, 2]}, "flow 0: path is empty and there is no cap"),
        ({"caps_bps": [0.0, 1.0]}, "flow 0: cap is 0 and there are bytes to send"),
        ({"after": ([0, 0, 1], [2])}, "flow 1: it waits for flow 2, and there are 2"),
        ({"after": ([0, 1], [1])}, "1 rows for 2 flows"),
        ({"after": ([0, 1, 2], [1, 0])}, "flow 0: it waits for a flow that waits, in the end, for itself"),
        ({"after": ([0, 0, 1], [1])}, "flow 1: it waits for a flow that waits, in the end, for itself"),
    ],
)
def test_input_that_cannot_run_is_named(change, words):
    with pytest.raises(FlowError, match=words):
        simulate_flows(**(GOOD | change))


def test_faults_of_every_kind_are_named_at_once():
    with pytest.raises(FlowError) as error:
        simulate_flows([0, 1, 2], [0, 1], [0.0, 1.0], [1.0, 1.0], start_s=[0.0, np.nan], weights=[1.0, -1.0])
    assert len(error.value.faults) == 3
    with pytest.raises(FlowError) as error:
        simulate_flows([0, 1, 2], [0, 1], [0.0, 1.0], [1.0, -1.0])
    assert len(error.value.faults) == 2


def test_all_flows_of_a_dependency_cycle_are_named():
    with pytest.raises(FlowError) as error:
        simulate_flows([0, 1, 2, 3], [0, 0, 0], [1.0], [1.0] * 3, after=([0, 1, 2, 3], [2, 0, 1]))
    assert len(error.value.faults) == 3


def test_certificate_refuses_lost_bytes():
    with pytest.raises(InternalError, match=r"link 1 carried 9\.0 bytes of 10\.0"):
        certify_conservation(np.array([5.0, 10.0]), np.array([5.0, 9.0]), 0.5)


@st.composite
def busy_networks(draw):
    """Networks with tens of flows at a time, so that most events change few of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_links, n = int(rng.integers(2, 20)), int(rng.integers(20, 100))
    paths = [rng.choice(n_links, size, replace=False) for size in rng.integers(1, min(n_links, 6) + 1, n)]
    capacity = [np.full(n_links, 8e9), rng.choice([4e9, 8e9, 16e9], n_links), 10 ** rng.uniform(6, 12, n_links)]
    size = [np.full(n, 1e6), rng.choice([0.0, 1e3, 1e6], n), 10 ** rng.uniform(0, 9, n)]
    start = [np.zeros(n), rng.choice(np.arange(10) * 1e-3, n), rng.uniform(0, 1e-2, n)]
    run = dict(zip(("indptr", "links"), csr(paths), strict=True))
    run |= {"capacity_bps": rng.choice(capacity), "size_bytes": rng.choice(size), "start_s": rng.choice(start)}
    if draw(st.booleans()):
        run["weights"] = rng.choice([rng.choice([1.0, 2.0, 3.0], n), 10 ** rng.uniform(-3, 3, n)])
    if draw(st.booleans()):
        run["shares"] = rng.choice([1.0, 0.5, 1 / 3], len(run["links"]))
    if draw(st.booleans()):
        run["caps_bps"] = np.where(rng.random(n) < 0.5, np.inf, 10 ** rng.uniform(6, 10, n))
    return run


@given(busy_networks())
@settings(max_examples=300, deadline=None)
def test_rates_stay_fair_after_every_event(run):
    """At most 64 flows are looked at per event: with at most 100 under way that is every event or every second one."""
    result = simulate_flows(**run, certify=True)
    assert np.isfinite(result.finish_s).all()
