"""Flows that fare alike are found, and solving them once changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.engine import simulate_flows
from fabricsim.sims.engine.changes import rows_of
from fabricsim.sims.engine.plan import plan_of
from fabricsim.sims.engine.symmetry import Partition, equitable, find_symmetry
from fabricsim.sims.engine.validate import check_problem, check_schedule
from hypothesis import given, settings
from hypothesis import strategies as st


def csr(rows):
    return np.cumsum([0, *map(len, rows)]), np.array([item for row in rows for item in row], dtype=np.int32)


def plan(paths, capacity, size, after=None):
    rows = rows_of(check_problem(*csr(paths), np.asarray(capacity, float), None, None, None), None)
    return plan_of(rows, check_schedule(np.asarray(size, float), None, after))


def star(hosts):
    """All pairs over one switch: link h leads from host h, link hosts + h to it."""
    return [[src, hosts + dst] for src in range(hosts) for dst in range(hosts) if src != dst]


def test_all_pairs_over_one_switch_are_one_class():
    """Up and down look alike to a flow, so links are one class too, and each carries 7 flows."""
    symmetry = find_symmetry(plan(star(8), np.full(16, 1e9), np.ones(56)))
    assert len(symmetry.quotient.work) == len(symmetry.quotient.capacity) == 1
    np.testing.assert_array_equal(symmetry.quotient.paths.demand, [7.0])


def test_one_slow_host_sets_its_flows_apart():
    """They cross one of its links, 7 of them, and one of another host, which carries 1 of them and 6 others."""
    capacity = np.full(16, 1e9)
    capacity[[0, 8]] = 1e8
    symmetry = find_symmetry(plan(star(8), capacity, np.ones(56)))
    np.testing.assert_array_equal(symmetry.quotient.paths.indptr, [0, 2, 3])
    np.testing.assert_array_equal(symmetry.quotient.paths.demand, [7.0, 1.0, 6.0])


def test_steps_of_a_ring_are_one_class_each():
    n, steps = 12, 3
    paths = [[host, n + (host + 1) % n] for _ in range(steps) for host in range(n)]
    after = csr([[(step - 1) * n + (host - 1) % n] if step else [] for step in range(steps) for host in range(n)])
    symmetry = find_symmetry(plan(paths, np.full(2 * n, 1e9), np.ones(n * steps), after))
    assert len(symmetry.quotient.work) == steps


def test_flows_of_different_sizes_have_no_symmetry_to_use():
    assert find_symmetry(plan(star(4), np.full(8, 1e9), np.arange(1, 13))) is None


def partition(classes):
    number = np.asarray(classes, dtype=np.int32)
    return Partition(number, np.unique(number, return_index=True)[1].astype(np.int32))


def test_classes_that_are_equitable_are_taken_whoever_drew_them():
    """A slow host 0 among 4: its 3 flows out and 3 in are one class, the 6 among the others another."""
    capacity = np.full(8, 1e9)
    capacity[[0, 4]] = 1e8
    flows = [0 if src == 0 or dst == 0 else 1 for src in range(4) for dst in range(4) if src != dst]
    alike = equitable(plan(star(4), capacity, np.ones(12)), partition(flows), partition([0, 1, 1, 1] * 2))
    np.testing.assert_array_equal(alike.quotient.paths.indptr, [0, 2, 3])
    np.testing.assert_array_equal(alike.quotient.paths.demand, [3.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("flows", "links"),
    [
        ([0] * 12, [0, 1, 1, 1] * 2),
        ([0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1] * 2),
        ([0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1], [0, 1, 1, 1, 0, 0, 1, 1]),
    ],
    ids=["other links crossed", "one flow moved", "one link moved"],
)
def test_classes_that_are_not_equitable_are_refused(flows, links):
    assert equitable(plan(star(4), np.full(8, 1e9), np.ones(12)), partition(flows), partition(links)) is None


def test_flows_that_wait_for_other_classes_are_refused():
    paths, size = [[0], [0], [0], [0], [1], [1], [1], [1]], np.ones(8)
    flows, links = partition([0] * 4 + [1] * 4), partition([0, 1])
    waits = csr([[]] * 4 + [[0], [1], [2], [3]])
    assert equitable(plan(paths, [1e9, 1e9], size, waits), flows, links) is not None
    waits = csr([[]] * 4 + [[0], [1], [2], []])
    assert equitable(plan(paths, [1e9, 1e9], size, waits), flows, links) is None


@st.composite
def symmetric_runs(draw):
    """Copies of one small random run, flows and links shuffled, at times with an odd flow across the copies."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_links, n, copies = int(rng.integers(1, 5)), int(rng.integers(1, 7)), int(rng.integers(4, 9))
    paths = [rng.choice(n_links, size, replace=False) for size in rng.integers(1, n_links + 1, n)]
    flows, links = rng.permutation(n * copies), rng.permutation(n_links * copies)
    rows = [links[copy * n_links + paths[f]] for copy in range(copies) for f in range(n)]
    of_link = np.tile(rng.choice([1e9, 2e9, 5e9], n_links), copies)
    capacity = np.empty_like(of_link)
    capacity[links] = of_link
    each = {
        "size_bytes": rng.choice([0.0, 1e6, 2e6, 3e6], n),
        "start_s": rng.choice([0.0, 1e-3], n),
        "weights": rng.choice([1.0, 2.0], n),
        "caps_bps": rng.choice([np.inf, 5e8], n),
    }
    run = {name: np.tile(values, copies)[flows] for name, values in each.items()}
    rows = [rows[f] for f in flows]
    if draw(st.booleans()):
        rows.append(rng.choice(n_links * copies, min(3, n_links * copies), replace=False))
        odd = {"size_bytes": 1.5e6, "start_s": 5e-4, "weights": 1.0, "caps_bps": np.inf}
        run = {name: np.append(values, odd[name]) for name, values in run.items()}
    return dict(zip(("indptr", "links"), csr(rows), strict=True)) | {"capacity_bps": capacity} | run


@given(symmetric_runs(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_solving_classes_changes_no_answer(run, certify):
    whole = simulate_flows(**run, symmetry=False)
    classes = simulate_flows(**run, certify=certify)
    np.testing.assert_allclose(classes.start_s, whole.start_s, rtol=1e-12)
    np.testing.assert_allclose(classes.finish_s, whole.finish_s, rtol=1e-12)
    np.testing.assert_allclose(classes.link_bytes, whole.link_bytes, rtol=1e-12)
