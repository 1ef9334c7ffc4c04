"""What a hash sees, and what becomes of paths where all switches hash alike."""

from math import gcd

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.routing import Hashing, router_for
from fabricsim.sims.network import Network
from fabricsim.topologies import load

FLOWS = 3000


def _second_tier(fabric, alike, rule="ecmp"):
    """How many ports up each aggregation switch uses of those it has, when thousands of flows leave the first leaf."""
    far = np.arange(fabric.ranks // 2, fabric.ranks)
    dst = np.resize(far, FLOWS)
    paths = router_for(fabric, rule, 0, Hashing(alike=alike)).paths(np.zeros(FLOWS, int), dst, np.arange(FLOWS))
    up = paths.links.reshape(FLOWS, 6)[:, 1:3]
    return [len(np.unique(up[up[:, 0] == first, 1])) for first in np.unique(up[:, 0])]


@pytest.mark.parametrize(("first", "second"), [(2, 2), (4, 4), (4, 6), (3, 4), (2, 8)])
def test_tiers_that_hash_alike_use_the_ports_that_agree_modulo_both(first, second):
    """Of flows with hash = c (mod m1), the values mod m2 are those that agree with c modulo gcd(m1, m2)."""
    fabric = load("xgft", m=[2, 2, 4], w=[1, first, second])
    assert _second_tier(fabric, alike=True) == [second // gcd(first, second)] * first
    assert _second_tier(fabric, alike=False) == [second] * first


def test_weighted_tiers_that_hash_alike_polarise_too():
    """Alike weights: the flows in a port's part of the unit interval fall into one part of the next tier's."""
    fabric = load("fat_tree", k=4)
    assert _second_tier(fabric, alike=True, rule="wcmp") == [1, 1]
    assert _second_tier(fabric, alike=False, rule="wcmp") == [2, 2]


def test_polarised_permutation_is_as_fast_as_the_cores_it_uses():
    """On a tree of k = 4 each aggregation switch uses one port up of two: across pods half the line rate is left."""
    fabric = load("fat_tree", k=4, network="roce")
    src = np.repeat(np.arange(8), 64)
    dst = src + 8
    rates = []
    for hashing in ("same", "per-switch"):
        paths = Network(fabric, parameters={"hash": hashing}).router.paths(src, dst, np.arange(len(src)))
        up = paths.links.reshape(-1, 6)[:, 2]
        rates.append(len(np.unique(up)) / 8)
    assert rates == [0.5, 1.0]


def _first_hops(entropy, src, dst, queue_pairs):
    network = Network(load("fat_tree", k=8, network="roce"), parameters={"entropy": entropy})
    return network.router.paths(src, dst, queue_pairs).links.reshape(-1, 6)[:, 1]


def test_a_hash_without_the_port_gives_all_queue_pairs_one_path():
    many = np.arange(64)
    assert len(np.unique(_first_hops("src,dst", np.zeros(64, int), np.full(64, 127), many))) == 1
    assert len(np.unique(_first_hops("src,dst,sport", np.zeros(64, int), np.full(64, 127), many))) == 4


def test_a_hash_of_one_address_sends_all_of_it_one_way():
    """By destination, the four hosts of a leaf share an uplink; by source, one host's flows to all others do."""
    leaf, far = np.arange(4), np.arange(64, 128)
    assert len(np.unique(_first_hops("dst", leaf, np.full(4, 127), np.zeros(4)))) == 1
    assert len(np.unique(_first_hops("src", np.zeros(64, int), far, np.zeros(64)))) == 1
    assert len(np.unique(_first_hops("dst", np.zeros(64, int), far, np.zeros(64)))) == 4


def test_the_source_port_alone_tells_flows_apart():
    """Every queue pair draws one of 16,384: 256 flows between other ends take all four uplinks, about 64 each."""
    src, dst = np.resize(np.arange(4), 256), np.resize(np.arange(64, 128), 256)
    counts = np.unique(_first_hops("sport", src, dst, np.arange(256)), return_counts=True)[1]
    assert len(counts) == 4
    assert (np.abs(counts - 64) < 4 * np.sqrt(256 * 3 / 16)).all()


@pytest.mark.parametrize(
    ("routing", "knob"),
    [("d-mod-k", "qps"), ("d-mod-k", "hash"), ("updn", "entropy"), ("adaptive", "hash"), ("valiant", "entropy")],
)
def test_knobs_of_a_hash_are_refused_under_rules_without_one(routing, knob):
    value = {"qps": 4, "hash": "same", "entropy": "src,dst"}[knob]
    with pytest.raises(SpecError, match=f"{knob}: does nothing under {routing}"):
        Network(load("fat_tree", k=4, network="roce"), routing=routing, parameters={knob: value})
