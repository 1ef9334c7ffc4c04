"""Lower bounds: closed forms of cuts through ranks, domains and tiers of switches, and that nothing ever beats them."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.algorithms import ALGORITHMS
from fabricsim.sims.collectives.bound import bounds_s_per_byte, traffic
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.demand import EXPERT_OPS, Call, destination_shares
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

PAIRS = sorted((name, op) for name, algorithm in ALGORITHMS.items() for op in algorithm.ops)
HOWS = ({"transport": "ideal"}, {"fidelity": "fluid"}, {}, {"transport": "roce"}, {"transport": "uec"})
"""Without a word, InfiniBand with its congestion control."""


def bound(fabric, op):
    network = Network(fabric)
    return bounds_s_per_byte(network, Communicator.of(network, np.arange(fabric.ranks)), op)[0]


@pytest.mark.parametrize(
    ("op", "factor"),
    [
        ("broadcast", 1),
        ("reduce", 1),
        ("gather", 4 / 5),
        ("scatter", 4 / 5),
        ("all-to-all", 4 / 5),
        ("all-to-all-v", 4 / 5),
        ("barrier", 0),
    ],
)
def test_bounds_of_a_star_are_those_of_the_fullest_port(star, op, factor):
    """Chan et al. 2007, section 3: what the root, or every rank, must send or receive."""
    assert bound(star(5), op) == pytest.approx(factor * 8 / 1e11)


@pytest.mark.parametrize(("op", "crossing"), [("all-reduce", 1), ("all-gather", 1 / 2), ("all-to-all", 4 * 4 / 8)])
def test_a_thin_cable_between_leaves_bounds_what_must_cross_it(op, crossing):
    """Four hosts on either leaf, one cable of 10 Gbit/s between: an all-to-all of n m sends 4 x 4 m over it."""
    builder = FabricBuilder("dumbbell", {"network": "infiniband"})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(8)))
    leaves = builder.add_nodes(NodeKind.SWITCH, ["left", "right"])
    builder.add_cables(hosts, np.repeat(leaves, 4), 1e11, 0)
    builder.add_cables(leaves[0], leaves[1], 1e10, 0)
    assert bound(builder.build(), op) == pytest.approx(crossing * 8 / 1e10)


def test_pods_of_a_tapered_tree_bound_an_all_to_all():
    """xgft of 2 x 2 x 2 hosts with one cable up from each pod: 4 x 4 of 8 x 8 blocks cross it."""
    fabric = load("xgft", h=3, m="2,2,2", w="1,1,1", link="100Gbps")
    assert bound(fabric, "all-to-all") == pytest.approx(4 * 4 / 8 * 8 / 1e11)


@pytest.mark.parametrize(
    ("dims", "rate"),
    [("4", 2 / (1 + 1 + 2)), ("5", 2 / (1 + 1 + 2 + 2)), ("3x3", 4 / (4 * 1 + 4 * 2)), ("4x3", 24 / (12 * 12))],
)
def test_a_small_torus_has_the_bound_of_its_concurrent_flow(dims, rate):
    """Links of a cable-transitive torus over the sum of distances from a rank; on 4 x 3 the rings of 4 bind: 24 links,
    and 12 steps along them from each of 12 ranks to all others."""
    fabric = load("torus", dims=dims, link="100Gbps", host_link="100Tbps")
    assert bound(fabric, "all-to-all") == pytest.approx(8 / fabric.ranks / (rate * 1e11), rel=1e-5)


def test_all_of_a_reduction_crosses_between_groups_that_each_send_one_message():
    """m groups: 2 (m - 1) messages of an all-reduce, and every group sends and receives one."""
    sent, received, messages = traffic(Call("all-reduce"), np.repeat(np.arange(3), 4))
    assert (sent.tolist(), received.tolist(), messages) == ([1] * 3, [1] * 3, 4)


@given(n=st.integers(2, 12), m=st.integers(2, 4), skew=st.floats(0, 3), seed=st.integers(0, 99))
def test_what_crosses_in_an_uneven_exchange_is_the_sum_over_its_pairs(n, m, skew, seed):
    group = np.arange(n) % m
    call = Call("all-to-all-v", skew, seed)
    share = destination_shares(call, n)
    sent, received, _ = traffic(call, group)
    members = group.max() + 1
    out = [sum(share[d] for s in range(n) for d in range(n) if group[s] == g != group[d]) for g in range(members)]
    into = [sum(share[d] for s in range(n) for d in range(n) if group[s] != g == group[d]) for g in range(members)]
    if members > 1:
        assert sent == pytest.approx(out)
        assert received == pytest.approx(into)


def test_skew_makes_the_busiest_rank_receive_the_size():
    for skew in (0, 0.5, 1, 2):
        share = destination_shares(Call("all-to-all-v", skew, 3), 16)
        assert 16 * share.max() == pytest.approx(1)
        assert share.sum() <= 1 + 1e-12
    assert destination_shares(Call("all-to-all-v", 1, 3), 16).sum() < 0.25
    first, again, other = (destination_shares(Call("all-to-all-v", 1, seed), 16) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


@given(seed=st.integers(0, 2**32 - 1), pair=st.sampled_from(PAIRS), how=st.sampled_from(HOWS))
@settings(max_examples=100)
def test_no_algorithm_is_faster_than_the_bound_on_random_fabrics(seed, pair, how):
    """Hosts with links of random speed on a random tree of switches with some cables more."""
    rng = np.random.default_rng(seed)
    hosts, switches = int(rng.integers(2, 9)), int(rng.integers(1, 6))
    builder = FabricBuilder("random", {"network": "infiniband"})
    ends = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(hosts)))
    hubs = builder.add_nodes(NodeKind.SWITCH, numbered("s-{}", np.arange(switches)))
    builder.add_cables(ends, rng.choice(hubs, hosts), rng.uniform(1e10, 4e11, hosts), 0)
    for switch in range(1, switches):
        builder.add_cables(hubs[switch], rng.choice(hubs[:switch]), rng.uniform(1e10, 4e11), 0)
    fabric = builder.build()
    algorithm, op = pair
    experts = "tokens=16" if op in EXPERT_OPS else None
    try:
        row = collective(fabric, op, "1GiB", algorithm, experts=experts, **how).rows[0]
    except WorkloadError as refused:
        if "cannot run here" not in str(refused):
            raise
        return
    assert row.bound_fraction <= 1 + 1e-9


@given(
    ranks=st.lists(st.integers(0, 23), min_size=2, unique=True),
    pair=st.sampled_from(PAIRS),
    how=st.sampled_from(({}, {"fidelity": "fluid"})),
)
@settings(max_examples=60)
def test_no_algorithm_is_faster_than_the_bound_on_any_ranks_of_servers(three_servers, ranks, pair, how):
    algorithm, op = pair
    experts = "tokens=16" if op in EXPERT_OPS else None
    try:
        row = collective(three_servers, op, "16GiB", algorithm, ranks=np.array(ranks), experts=experts, **how).rows[0]
    except WorkloadError as refused:
        if "cannot run here" not in str(refused):
            raise
        return
    assert row.bound_fraction <= 1 + 1e-9
