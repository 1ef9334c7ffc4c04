"""Rounds solved once take the time and carry the bytes of rounds run one by one."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.errors import FlowError
from fabricsim.sims.engine import Phase, simulate_flows, simulate_phases
from hypothesis import given, settings
from hypothesis import strategies as st

GBPS = 1e9


def star(src, dst, hosts):
    """Paths over one switch: link h leads from host h, link hosts + h to it."""
    return np.arange(len(src) + 1) * 2, np.stack((src, hosts + np.asarray(dst)), axis=1).ravel()


def test_a_ring_all_reduce_takes_its_closed_form():
    """2(n - 1) rounds of S / n bytes at B: T = 2 (n - 1)/n S / B, and so many bytes over every port."""
    n, size = 8, 1e9
    ring = Phase(*star(np.arange(n), np.roll(np.arange(n), -1), n), np.full(n, size / n), repeats=2 * (n - 1))
    result = simulate_phases([ring], np.full(2 * n, 100 * GBPS), certify=True)
    moved = 2 * (n - 1) / n * size
    assert result.makespan_s == pytest.approx(8 * moved / (100 * GBPS), rel=1e-12)
    np.testing.assert_allclose(result.link_bytes, moved, rtol=1e-12)
    np.testing.assert_allclose(result.starts_s(0), np.arange(14) * 8 * size / n / (100 * GBPS), rtol=1e-12)


def test_rounds_of_a_shift_all_to_all_are_permutations_at_line_rate():
    n, size = 5, 1e6
    phases = [Phase(*star(np.arange(n), np.roll(np.arange(n), -shift), n), np.full(n, size)) for shift in range(1, n)]
    result = simulate_phases(phases, np.full(2 * n, GBPS))
    np.testing.assert_allclose(result.start_s, np.arange(n - 1) * 8 * size / GBPS, rtol=1e-12)
    assert result.makespan_s == pytest.approx((n - 1) * 8 * size / GBPS, rel=1e-12)


def test_equal_phases_are_solved_once():
    one = Phase([0, 1], [0], [1e6])
    result = simulate_phases([one, Phase([0, 1], [1], [1e6]), Phase([0, 1], [0], [1e6], repeats=3)], [GBPS, GBPS / 2])
    assert result.rounds[0] is result.rounds[2]
    assert result.rounds[0] is not result.rounds[1]
    np.testing.assert_allclose(result.link_bytes, [4e6, 1e6])


@st.composite
def schedules(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_links = int(rng.integers(1, 6))
    phases = []
    for _ in range(int(rng.integers(1, 4))):
        n = int(rng.integers(1, 6))
        paths = [rng.choice(n_links, length, replace=False) for length in rng.integers(1, n_links + 1, n)]
        size = rng.choice([0.0, 1e5, 3e5, 1e6], n)
        phases.append((paths, size, int(rng.integers(1, 5))))
    return rng.choice([1e9, 2e9, 5e9], n_links), phases


@given(schedules())
@settings(max_examples=100, deadline=None)
def test_repeats_equal_rounds_that_wait_for_one_another(schedule):
    """The twin: every round written out, each flow after all flows of the round before."""
    capacity, phases = schedule
    paths, sizes, after, before = [], [], [], []
    for phase_paths, size, repeats in phases:
        for _ in range(repeats):
            numbers = [len(paths) + f for f in range(len(size))]
            paths += phase_paths
            sizes += size.tolist()
            after += [before] * len(size)
            before = numbers
    waits = np.cumsum([0, *map(len, after)]), np.array([f for row in after for f in row], dtype=np.int32)
    unrolled = simulate_flows(np.cumsum([0, *map(len, paths)]), np.concatenate(paths), capacity, sizes, after=waits)
    result = simulate_phases(
        [
            Phase(np.cumsum([0, *map(len, phase_paths)]), np.concatenate(phase_paths), size, repeats)
            for phase_paths, size, repeats in phases
        ],
        capacity,
        certify=True,
    )
    assert result.makespan_s == pytest.approx(unrolled.makespan_s, rel=1e-11)
    np.testing.assert_allclose(result.link_bytes, unrolled.link_bytes, rtol=1e-12)


@pytest.mark.parametrize("repeats", [0, -1, 1.5, None])
def test_repeats_that_are_no_number_of_rounds_are_refused(repeats):
    with pytest.raises(FlowError, match=r"phase 1: .* is no number of rounds"):
        simulate_phases([Phase([0, 1], [0], [1.0]), Phase([0, 1], [0], [1.0], repeats=repeats)], [1.0])


def test_faults_name_their_phase():
    with pytest.raises(FlowError, match="phase 1: flow 0: path names link 3, and there are 1"):
        simulate_phases([Phase([0, 1], [0], [1.0]), Phase([0, 1], [3], [1.0])], [1.0])
    with pytest.raises(FlowError, match="no phases"):
        simulate_phases([], [1.0])
