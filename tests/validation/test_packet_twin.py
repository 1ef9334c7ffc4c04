"""The packet-level twin against csg-htsim, and against what can be said without either."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.routing import router_for
from fabricsim.topologies import load
from htsim_cases import given_case
from packet_twin import completion_s

pytestmark = pytest.mark.validation

PACKET_S, ACK_S, HOP_S = 9064 * 8 / 100e9, 64 * 8 / 100e9, 1e-6


@pytest.fixture(scope="module")
def tree():
    return load("fat_tree", k=8, link="100Gbps", hop_latency="1us")


@pytest.mark.parametrize("name", ["perm128_2MB", "perm128_mixed", "incast_bg"])
def test_twin_and_htsim_agree_to_the_last_digit(tree, compare, name):
    case = given_case(tree, "roce", name)
    ours = completion_s(tree, case.forth, case.back, case.flows["bytes"], case.flows["start_s"])
    error = float(np.abs(ours / case.due_s - 1).max())
    compare(f"twin {name}, worst flow", f"{ours.sum():.6f} s", f"{case.due_s.sum():.6f} s", error, 1e-7)


@pytest.mark.parametrize(("dst", "hops"), [(1, 2), (5, 4), (127, 6)])
def test_alone_a_flow_takes_its_packets_and_an_acknowledgement(tree, dst, hops):
    forth, back = _paths(tree, [0], [dst])
    ours = completion_s(tree, forth, back, [1_000_000], [3e-6])
    assert len(forth[1]) == hops
    assert ours[0] == pytest.approx((112 + hops - 1) * PACKET_S + 2 * hops * HOP_S + hops * ACK_S, rel=1e-9)


def test_flows_of_one_host_take_turns(tree):
    forth, back = _paths(tree, [0, 0], [1, 2])
    ours = completion_s(tree, forth, back, [900_000, 900_000], [0.0, 0.0])
    due = [(last + 1) * PACKET_S + 4 * HOP_S + 2 * ACK_S for last in (199, 200)]
    assert ours == pytest.approx(due, rel=1e-9)


def test_an_incast_fills_the_receivers_link(tree):
    senders = np.arange(4, 36)
    forth, back = _paths(tree, senders, np.zeros(32, int))
    ours = completion_s(tree, forth, back, np.full(32, 900_000), np.zeros(32))
    assert 3200 * PACKET_S < ours.max() < 3200 * PACKET_S + 6 * (PACKET_S + HOP_S) + 6 * (ACK_S + HOP_S)


def _paths(tree, src, dst):
    router = router_for(tree, "d-mod-k")
    return [(way.indptr, way.links) for way in (router.paths(src, dst), router.paths(dst, src))]


def test_a_buffer_of_less_than_a_round_trip_of_credits_halves_a_flow(tree):
    """Of 1.5 packets, one may be on its way: sent, forwarded, credited, and then the next."""
    forth, back = _paths(tree, [0], [1])
    ours = completion_s(tree, forth, back, [900_000], [0.0], credit_bytes=13_600)
    turn_s = 2 * PACKET_S + 2 * HOP_S
    assert ours[0] == pytest.approx(99 * turn_s + 2 * PACKET_S + 4 * HOP_S + 2 * ACK_S, rel=1e-9)
