"""Loads of links over time, by hand and by what was sent."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.errors import FlowError
from fabricsim.sims.engine import Changes, simulate_flows

GB = 1e9


def test_bins_hold_what_was_carried_in_them():
    """1 GB/s until 1 s, nothing until 1.5 s, then half of the rate, as a cap says, for 1 s."""
    result = simulate_flows(
        [0, 1, 2], [0, 0], [8 * GB], [GB, GB / 2], [0.0, 1.5], caps_bps=[np.inf, 4 * GB], record=0.5
    )
    np.testing.assert_allclose(result.record.bin_bytes[0, :5], np.array([0.5, 0.5, 0.0, 0.25, 0.25]) * GB, rtol=1e-12)
    np.testing.assert_allclose(result.record.busy_s, [2.0], rtol=1e-12)


def test_a_record_has_one_row_per_link_given():
    result = simulate_flows([0, 1], [1], np.full(3, 8 * GB), [GB], caps_bps=[4 * GB], record=1.0)
    np.testing.assert_allclose(result.record.bin_bytes.sum(axis=1), [0.0, GB, 0.0], rtol=1e-12)


def test_utilisation_is_the_fraction_of_capacity():
    result = simulate_flows([0, 2], [0, 1], [8 * GB, 32 * GB], [GB], record=0.25)
    np.testing.assert_allclose(result.record.utilisation([8 * GB, 32 * GB])[:, :4], [[1.0] * 4, [0.25] * 4], rtol=1e-12)


def test_a_record_shows_a_link_that_is_down():
    changes = Changes([0.5, 1.0], [0, 0], [0.0, 8 * GB])
    result = simulate_flows([0, 1], [0], [8 * GB], [GB], changes=changes, record=0.5)
    np.testing.assert_allclose(result.record.bin_bytes[0, :3], [GB / 2, 0.0, GB / 2], rtol=1e-12)


@pytest.mark.parametrize("symmetry", [False, True])
def test_bins_add_up_to_the_bytes_of_each_link(simgrid, symmetry):
    data = simgrid("a2a64")
    given = data["indptr"], data["links"], data["capacity"] * 8, data["size"]
    result = simulate_flows(*given, record=1e-3, symmetry=symmetry)
    np.testing.assert_allclose(result.record.bin_bytes.sum(axis=1), result.link_bytes, rtol=1e-9)
    assert result.record.utilisation(data["capacity"] * 8).max() <= 1 + 1e-9


def test_recording_changes_no_time(simgrid):
    data = simgrid("perm1024")
    given = data["indptr"], data["links"], data["capacity"] * 8, data["size"]
    np.testing.assert_allclose(
        simulate_flows(*given, record=1e-3).finish_s, simulate_flows(*given).finish_s, rtol=1e-12
    )


@pytest.mark.parametrize("certify", [False, True])
def test_links_of_a_single_flow_carry_its_share_of_each(certify):
    """Flow 0 has links 0 to 3, flow 1 link 4, and both share link 5 of 8 GB/s; flow 0 asks half of link 2.

    Link 1 limits flow 0 to 2 GB/s, which leaves 6 GB/s to flow 1 for its 6 GB; flow 0 has 4 GB.
    """
    capacity = np.array([8.0, 2.0, 8.0, 4.0, 16.0, 8.0]) * 8 * GB
    indptr, links, shares = [0, 5, 7], [0, 1, 2, 3, 5, 4, 5], [1, 1, 0.5, 1, 1, 1, 1]
    result = simulate_flows(
        indptr, links, capacity, [4 * GB, 6 * GB], shares=shares, record=1.0, certify=certify, symmetry=False
    )
    carried = [[2.0, 2.0], [2.0, 2.0], [1.0, 1.0], [2.0, 2.0], [6.0, 0.0], [8.0, 2.0]]
    np.testing.assert_allclose(result.record.bin_bytes[:, :2] / GB, carried, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result.record.busy_s, [2.0, 2.0, 2.0, 2.0, 1.0, 2.0], rtol=1e-12)


@pytest.mark.parametrize("symmetry", [False, True])
def test_bins_of_a_permutation_add_up_to_the_bytes_of_each_link(simgrid, symmetry):
    """Most links serve a single flow there."""
    data = simgrid("perm1024")
    given = data["indptr"], data["links"], data["capacity"] * 8, data["size"]
    result = simulate_flows(*given, record=1e-3, symmetry=symmetry)
    np.testing.assert_allclose(result.record.bin_bytes.sum(axis=1), result.link_bytes, rtol=1e-9)


@pytest.mark.parametrize("symmetry", [False, True])
def test_two_bins_of_half_the_width_hold_what_one_does(simgrid, symmetry):
    """Of 2,000 flows that come and go."""
    data = simgrid("arr128")
    ends = data["indptr"][:2001]
    given = ends, data["links"][: ends[-1]], data["capacity"] * 8, data["size"][:2000], data["start"][:2000]
    coarse = simulate_flows(*given, record=1e-3, symmetry=symmetry).record
    fine = simulate_flows(*given, record=5e-4, symmetry=symmetry).record.bin_bytes
    in_pairs = np.pad(fine, ((0, 0), (0, fine.shape[1] % 2))).reshape(len(fine), -1, 2).sum(axis=2)
    whole = in_pairs[:, : coarse.bin_bytes.shape[1]]
    assert fine.sum() == pytest.approx(whole.sum(), rel=1e-12)
    np.testing.assert_allclose(whole, coarse.bin_bytes[:, : whole.shape[1]], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("resolution", [0.0, -1.0, np.nan, np.inf])
def test_a_resolution_that_is_no_time_is_refused(resolution):
    with pytest.raises(FlowError, match=r"record: .* is not a finite time above 0"):
        simulate_flows([0, 1], [0], [8 * GB], [GB], record=resolution)
