"""Schedules against published values, volumes in closed form, and a plain simulation of the data they move."""

import numpy as np
import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.hierarchical import hierarchical
from fabricsim.sims.collectives.nvls import nvls
from fabricsim.sims.collectives.nvls_tree import nvls_tree
from fabricsim.sims.collectives.ring import channel_positions, ring
from fabricsim.sims.collectives.schedule import at_once
from fabricsim.sims.collectives.tree import double_tree_edges, second_tree_parents, tree, tree_depth, tree_parents
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def servers():
    """`servers(n)`: a network of n HGX H100 servers."""
    built = {}

    def build(nodes):
        if nodes not in built:
            built[nodes] = Network(load("hgx-h100", nodes=nodes))
        return built[nodes]

    return build


def sent_by_rank(schedule, ranks):
    """Bytes each rank sends to other ranks, per byte of size."""
    return sum(
        phase.repeats * np.bincount(phase.src[among], weights=phase.fraction[among], minlength=ranks)
        for phase in schedule
        for among in [(phase.src >= 0) & (phase.dst >= 0)]
    )


def test_first_tree_of_14_nodes_is_the_one_in_nccl():
    assert tree_parents(14).tolist() == [-1, 2, 4, 2, 8, 6, 4, 6, 0, 10, 12, 10, 8, 12]


@pytest.mark.parametrize(
    ("nodes", "depth"),
    [(2, 1), (4, 2), (8, 3), (16, 4), (17, 5), (32, 5), (33, 6), (64, 6), (100, 7), (128, 7), (1000, 10)],
)
def test_both_trees_have_the_published_depth(nodes, depth):
    for parents in (tree_parents(nodes), second_tree_parents(nodes)):
        assert max(steps_to_root(parents, node) for node in range(nodes)) == depth
    assert tree_depth(nodes) == depth


def steps_to_root(parents, node):
    steps = 0
    while parents[node] >= 0:
        node, steps = parents[node], steps + 1
        assert steps <= len(parents), "a cycle"
    return steps


@pytest.mark.parametrize("nodes", range(2, 65))
def test_trees_are_binary_and_share_at_most_one_inner_node(nodes):
    inner = []
    for parents in (tree_parents(nodes), second_tree_parents(nodes)):
        assert np.count_nonzero(parents < 0) == 1
        assert all(parents[node] < 0 or steps_to_root(parents, node) for node in range(nodes))
        children = np.bincount(parents[parents >= 0], minlength=nodes)
        assert children.max() <= 2
        inner.append(set(np.flatnonzero(children).tolist()))
    assert len(inner[0] & inner[1]) == (0 if nodes % 2 == 0 else 1)


@pytest.mark.parametrize("nodes", [4, 8, 33])
def test_no_host_sends_or_receives_more_than_twice_the_data(star, nodes):
    comm = Communicator.of(Network(star(nodes)), np.arange(nodes))
    (phase,) = tree(comm, "all-reduce")
    for end in (phase.src, phase.dst):
        assert np.bincount(end, weights=phase.fraction).max() == pytest.approx(2)


@pytest.mark.parametrize("op", ["all-reduce", "reduce-scatter", "all-gather"])
@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_every_rank_of_a_ring_sends_the_least_there_is_to_send(servers, op, nodes):
    network, ranks = servers(nodes), 8 * nodes
    sent = sent_by_rank(ring(Communicator.of(network, np.arange(ranks)), op), ranks)
    assert sent == pytest.approx((2 if op == "all-reduce" else 1) * (ranks - 1) / ranks)


@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_the_hierarchical_stages_move_as_much_as_a_ring(servers, nodes):
    ranks = 8 * nodes
    sent = sent_by_rank(hierarchical(Communicator.of(servers(nodes), np.arange(ranks)), "all-reduce"), ranks)
    assert sent == pytest.approx(2 * (ranks - 1) / ranks)


@given(data=st.data(), nodes=st.integers(1, 5))
def test_every_channel_visits_each_rank_once_and_each_domain_in_one_go(data, nodes):
    network = _network_of(nodes)
    ranks = data.draw(st.lists(st.integers(0, 8 * nodes - 1), min_size=2, unique=True))
    comm = Communicator.of(network, np.array(ranks))
    for channel in range(comm.channels):
        order = comm.ranks[channel_positions(comm, channel)]
        assert sorted(order.tolist()) == sorted(ranks)
        assert np.count_nonzero(np.diff(order // 8)) == comm.domains - 1


_NETWORKS = {}


def _network_of(nodes):
    return _NETWORKS.setdefault(nodes, Network(load("hgx-h100", nodes=nodes)))


@pytest.mark.parametrize("nodes", [2, 4, 6])
def test_rings_between_an_even_number_of_servers_stay_on_their_rails_and_use_all(servers, nodes):
    """NCCL with NCCL_CROSS_NIC: between servers, GPU i sends to GPU i; every NIC sends once and receives once."""
    comm = Communicator.of(servers(nodes), np.arange(8 * nodes))
    assert comm.channels == 8
    (phase,) = ring(comm, "all-reduce")
    crossing = phase.src // 8 != phase.dst // 8
    assert (phase.src[crossing] % 8 == phase.dst[crossing] % 8).all()
    assert sorted(phase.src[crossing].tolist()) == sorted(phase.dst[crossing].tolist()) == list(range(8 * nodes))


def test_trees_spread_their_heads_over_all_nics(servers):
    comm = Communicator.of(servers(4), np.arange(32))
    (phase,) = tree(comm, "all-reduce")
    crossing = phase.src // 8 != phase.dst // 8
    loads = np.bincount(phase.src[crossing], weights=phase.fraction[crossing], minlength=32).reshape(4, 8)
    assert loads == pytest.approx(np.repeat(loads[:, :1], 8, axis=1))


def test_shared_nics_make_as_many_channels_as_there_are_nics():
    network = Network(load("hgx-h100", nodes=2, nics_per_node=4))
    comm = Communicator.of(network, np.arange(16))
    assert comm.starts.tolist() == [[0, 2, 4, 6]] * 2


def test_ring_reduction_delivers_every_contribution_once(servers):
    """Symbolic run of the phase that the schedule repeats: after n - 1 rounds of passing on what arrived, chunk
    owners hold the sum over all ranks."""
    ranks = 16
    (phase,) = ring(Communicator.of(servers(2), np.arange(ranks)), "all-reduce")
    for channel in range(8):
        successor = dict(
            zip(*(end[channel * ranks : (channel + 1) * ranks].tolist() for end in (phase.src, phase.dst)), strict=True)
        )
        partial = {rank: {rank} for rank in range(ranks)}
        for _ in range(ranks - 1):
            partial = {successor[rank]: held | {successor[rank]} for rank, held in partial.items()}
        assert all(held == set(range(ranks)) for held in partial.values())


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5, 8])
def test_tree_reduction_reaches_every_rank_through_every_channel(servers, nodes):
    """The edges of the tree phase, both ways, connect all ranks: what goes up to a root comes down to all."""
    ranks = 8 * nodes
    (phase,) = tree(Communicator.of(servers(nodes), np.arange(ranks)), "all-reduce")
    assert sorted(zip(phase.src.tolist(), phase.dst.tolist(), strict=True)) == sorted(
        zip(phase.dst.tolist(), phase.src.tolist(), strict=True)
    )
    edges_per_channel = 2 * (2 * (nodes - 1) + nodes * 7)
    assert len(phase.src) == 8 * edges_per_channel
    inside = phase.src // 8 == phase.dst // 8
    assert phase.fraction[inside].sum() == pytest.approx(2 * 7 * nodes)
    assert phase.fraction[~inside].sum() == pytest.approx(2 * (nodes - 1))


@pytest.mark.parametrize("nodes", [2, 3, 8])
def test_nvls_tree_sends_its_rails_what_two_half_trees_carry(servers, nodes):
    comm = Communicator.of(servers(nodes), np.arange(8 * nodes))
    (phase,) = nvls_tree(comm, "all-reduce")
    between = (phase.src >= 0) & (phase.dst >= 0)
    assert (phase.src[between] % 8 == phase.dst[between] % 8).all()
    edges = len(double_tree_edges(nodes)[0])
    assert phase.fraction[between].sum() == pytest.approx(2 * edges * 8 * 0.5 / 8)


def test_every_rank_meets_its_switches_both_ways_in_nvls(servers):
    (phase,) = nvls(Communicator.of(servers(1), np.arange(8)), "all-reduce")
    assert sorted(phase.src[phase.dst < 0].tolist()) == sorted(phase.dst[phase.src < 0].tolist()) == list(range(8))


def test_groups_at_once_are_the_union_of_their_phases(servers):
    network = servers(2)
    halves = [ring(Communicator.of(network, np.arange(8) + 8 * half), "all-gather") for half in (0, 1)]
    (phase,) = at_once(halves)
    assert phase.repeats == 7
    assert set(phase.src.tolist()) == set(range(16))
    with pytest.raises(WorkloadError, match="unlike shape"):
        at_once([halves[0], ring(Communicator.of(network, np.arange(8, 12)), "all-gather")])


@pytest.mark.parametrize(
    ("ranks", "complaint"),
    [
        ([0], "two ranks"),
        ([0, 0], "listed twice"),
        ([0, 16], "outside 0..15"),
        ([0.5, 1.5], "two ranks"),
        ([-1, 3], "outside"),
    ],
)
def test_ranks_that_make_no_communicator_are_refused(servers, ranks, complaint):
    with pytest.raises(WorkloadError, match=complaint):
        Communicator.of(servers(2), np.array(ranks))
