"""Paths chosen by load."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.sims.network import Network
from fabricsim.sims.transports._adaptive_kernels import marginal_cost
from fabricsim.sims.transports.adaptive import DRAWN, load_router
from fabricsim.topologies import load


@pytest.fixture(scope="module")
def dragonfly():
    """p = 4, a = 8, h = 4: 1,056 hosts in 33 groups."""
    return load("dragonfly", p=4, a=8, h=4)


def _throughput(fabric, routing, dst):
    """Least rate over the line rate when every host sends to its `dst`."""
    network = Network(fabric, transport="infiniband", routing=routing)
    ran = network.transfer(np.arange(fabric.ranks), dst, 1e9)
    return 8e9 / (ran.finish_s - ran.latency_s).max() / (4e11 * 0.96)


def test_adversarial_groups_get_what_kim_says(dragonfly):
    """Kim et al. 2008: every group sends to the next. Minimal has one global link for a * p = 32 hosts; Valiant about
    half the line rate, UGAL no less."""
    hosts = np.arange(dragonfly.ranks)
    next_group = (hosts + 32) % dragonfly.ranks
    assert _throughput(dragonfly, "minimal", next_group) == pytest.approx(1 / 32)
    spread = router_for(dragonfly, "valiant").spread(hosts, next_group)
    valiant = 1 / np.bincount(spread.links, weights=spread.shares).max()
    assert valiant == pytest.approx(0.5, abs=0.03)
    assert _throughput(dragonfly, "ugal", next_group) > 0.97 * valiant


def test_ugal_goes_minimally_where_that_is_free(dragonfly):
    """Every host to the other router of its own group at the same port: one local cable each, p hosts on it at most
    where the shift is constant; a neighbour's cable is never fuller than the direct one, at two hops."""
    hosts = np.arange(dragonfly.ranks)
    router, port = hosts // 4, hosts % 4
    dst = np.where(port == 0, (router // 8 * 8 + (router + 1) % 8) * 4, hosts)
    chosen = load_router(dragonfly, "ugal", 0).by_load(hosts[port == 0], dst[port == 0].astype(np.int32))
    minimal = router_for(dragonfly, "minimal").spread(hosts[port == 0], dst[port == 0])
    assert np.array_equal(chosen.links, np.sort(minimal.links.reshape(-1, 3), axis=1).ravel())


def test_adaptive_does_what_hashing_cannot_on_a_tree():
    """Any permutation fits on a full tree when packets spread; by hash of the flow the fullest link limits."""
    tree = load("fat_tree", k=8)
    dst = np.random.default_rng(3).permutation(tree.ranks)
    for rule in ("adaptive", "ugal"):
        assert _throughput(tree, rule, dst) == pytest.approx(1.0, rel=0.05)
    assert _throughput(tree, "ecmp", dst) < 0.5


def _uneven():
    """Two leaves, two hosts each, and two cables between the leaves: one of 100, one of 300 Gbit/s."""
    builder = FabricBuilder("uneven", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(4)))
    left, right = builder.add_nodes(NodeKind.LEAF, ["left", "right"])
    builder.add_cables(hosts, np.array([left, left, right, right]), 200e9, 500)
    builder.add_cables(np.array([left, left]), np.array([right, right]), np.array([100e9, 300e9]), 500)
    return builder.build()


def test_adaptive_fills_links_alike_where_even_spreading_overfills_the_thin_one():
    """400 Gbit/s over 100 + 300: a quarter to the thin link, where spraying puts half."""
    fabric = _uneven()
    src, dst = np.array([0, 1], dtype=np.int32), np.array([2, 3], dtype=np.int32)
    thin = int(np.flatnonzero((fabric.capacity_bps == 100e9) & (fabric.link_kind == LinkKind.NETWORK))[0])
    for rule, share in (("spray", 0.5), ("adaptive", 0.25)):
        spread = load_router(fabric, rule, 0).by_load(src, dst)
        assert spread.shares[spread.links == thin].mean() == pytest.approx(share, abs=0.01)


def test_what_leaves_a_node_entered_it(dragonfly):
    rng = np.random.default_rng(5)
    src = np.arange(dragonfly.ranks, dtype=np.int32)
    dst = rng.permutation(dragonfly.ranks).astype(np.int32)
    spread = load_router(dragonfly, "ugal", 0).by_load(src, dst)
    pair = np.repeat(np.arange(len(src)), np.diff(spread.indptr))
    balance = np.zeros((len(src), dragonfly.nodes))
    np.add.at(balance, (pair, dragonfly.link_source[spread.links]), spread.shares)
    np.add.at(balance, (pair, dragonfly.link_target[spread.links]), -spread.shares)
    moving = src != dst
    expected = np.zeros_like(balance)
    expected[np.flatnonzero(moving), dragonfly.endpoints[src[moving]]] = 1
    expected[np.flatnonzero(moving), dragonfly.endpoints[dst[moving]]] = -1
    assert np.allclose(balance, expected)


def test_no_used_way_is_dearer_than_one_that_was_tried(dragonfly):
    """The condition of Wardrop's equilibrium, on costs computed afresh."""
    src = np.arange(0, dragonfly.ranks, 2, dtype=np.int32)
    dst = ((src + 32) % dragonfly.ranks).astype(np.int32)
    router = load_router(dragonfly, "ugal", 0)
    spread = router.by_load(src, dst)
    loads = np.bincount(spread.links, weights=spread.shares, minlength=dragonfly.links)
    cost = marginal_cost(loads)
    tried = [router.minimal.spread(src, dst)]
    tried += [router.detours.paths(src, dst, np.full(len(src), draw, np.uint64)) for draw in range(DRAWN)]
    cheapest = np.min([np.add.reduceat(cost[way.links], way.indptr[:-1]) for way in tried], axis=0)
    pair = np.repeat(np.arange(len(src)), np.diff(spread.indptr))
    mean = np.bincount(pair, weights=spread.shares * cost[spread.links])
    # Costs go with the 31st power of the load: 1.5 is 1.3 percent of load, 1.1 is 0.3.
    assert (mean <= cheapest * 1.5).all()
    assert mean.sum() <= cheapest.sum() * 1.1


@pytest.mark.parametrize(
    ("transport", "parameters", "routing", "complaint"),
    [
        ("ideal", {}, "adaptive", "ideal has no adaptive routing"),
        ("roce", {}, "spray", "by load it has: adaptive, ugal"),
        ("roce", {"qps": "4"}, "adaptive", "does nothing under adaptive"),
    ],
)
def test_rules_that_a_transport_does_not_have_are_refused(star, transport, parameters, routing, complaint):
    with pytest.raises(SpecError, match=complaint):
        Network(star(2), routing, transport, parameters)


def test_results_say_how_paths_were_chosen(star):
    assert any("by load" in line for line in Network(star(2), "adaptive", "infiniband").assumptions())
