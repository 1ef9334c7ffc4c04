"""What survives failures: closed forms at the ends of the curve, and a slow twin in between."""

from __future__ import annotations

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.graph import NodeKind
from fabricsim.fabric.metrics import resilience
from fabricsim.fabric.metrics.reach import reach, speakers
from fabricsim.fabric.metrics.switch_graph import switch_graph
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("what", ["links", "switches"])
@pytest.mark.parametrize("name", ["fat_tree_4", "torus_443"])
def test_nothing_failed_is_everything_and_everything_failed_is_nothing(request, name, what):
    whole, none = resilience(request.getfixturevalue(name), what, [0, 1], trials=3).curve
    assert (whole.connected_lowest, whole.reachable_lowest, whole.bisection_lowest) == (1, 1, 1)
    assert (none.connected, none.reachable, none.bisection) == (0, 0, 0)


@pytest.mark.parametrize("what", ["links", "switches"])
def test_the_curves_never_rise(torus_443, what):
    curve = resilience(torus_443, what, np.linspace(0, 1, 11).tolist(), trials=4).curve
    for quantity in ("connected", "reachable", "bisection"):
        values = [getattr(point, quantity) for point in curve]
        assert values == sorted(values, reverse=True)
        assert all(getattr(p, f"{quantity}_lowest") <= getattr(p, quantity) + 1e-12 for p in curve)


def test_one_dead_leaf_of_a_rail_takes_an_eighth_of_the_bisection_and_no_one_off():
    """9 switches, 8 leaves and a spine; 1 in 9 fails. Servers keep seven rails, or without the spine all."""
    fabric = topologies.load("hgx-h100", nodes=8)
    (point,) = resilience(fabric, "switches", [1 / 9], trials=8).curve
    assert (point.failed, point.connected, point.reachable) == (1, 1, 1)
    assert point.bisection_lowest == pytest.approx(7 / 8)


def test_a_host_on_a_dead_leaf_is_lost(direct):
    """Complete graph of 4 switches with 3 hosts each; one fails: 9 of 12 hosts, 9 * 8 of 12 * 11 ordered pairs."""
    fabric = direct(4, list(itertools.combinations(range(4), 2)), hosts=3)
    (point,) = resilience(fabric, "switches", [0.25], trials=2).curve
    assert (point.reachable, point.connected) == (pytest.approx(9 / 12), pytest.approx(72 / 132))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=48, max_size=48))
def test_reach_is_that_of_the_graph_that_is_left(fat_tree_4, alive):
    graph = nx.Graph()
    graph.add_nodes_from(range(fat_tree_4.nodes))
    ends = zip(fat_tree_4.link_source[::2].tolist(), fat_tree_4.link_target[::2].tolist(), strict=True)
    graph.add_edges_from(pair for pair, works in zip(ends, alive, strict=True) if works)
    hosts = set(fat_tree_4.endpoints.tolist())
    sizes = [len(part & hosts) for part in nx.connected_components(graph) if part - hosts]
    connected, reachable = reach(speakers(fat_tree_4), switch_graph(fat_tree_4, np.array(alive)))
    assert connected == pytest.approx(sum(size * (size - 1) for size in sizes) / (16 * 15))
    assert reachable == max(sizes, default=0) / 16


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=64, max_size=64))
def test_servers_reach_each_other_over_any_common_rail(rail_pair, alive):
    """Two leaves that nothing joins, an adapter of each of 4 servers on either: a slow look at each pair of servers."""
    fabric = rail_pair
    works = np.ones(fabric.cables, dtype=bool)
    ports = [c for c in range(fabric.cables) if fabric.node_kind[fabric.link_target[2 * c]] == NodeKind.LEAF]
    works[ports] = alive[: len(ports)]
    on = [set() for _ in range(4)]
    for cable in ports:
        if works[cable]:
            server = fabric.column("server")[fabric.link_source[2 * cable]]
            on[server].add(int(fabric.link_target[2 * cable]))
    ranks = fabric.ranks // 4
    joined = sum(ranks * (ranks - (a == b)) for a in range(4) for b in range(4) if a == b or on[a] & on[b])
    connected, _ = reach(speakers(fabric), switch_graph(fabric, works))
    assert connected == pytest.approx(joined / (fabric.ranks * (fabric.ranks - 1)))


@pytest.fixture(scope="session")
def rail_pair():
    """4 servers of 8 accelerators on 2 rails, without their spine."""
    whole = topologies.load("hgx-h100", nodes=4, nics_per_node=2)
    spines = whole.of_kind(NodeKind.SPINE)
    kept = ~np.isin(whole.link_target, spines) & ~np.isin(whole.link_source, spines)
    names = ("link_source", "link_target", "capacity_bps", "latency_ns", "link_kind", "port", "rail", "plane", "width")
    return replace(whole, **{name: getattr(whole, name)[kept] for name in names})


def test_a_network_in_two_parts_has_no_bisection_to_lose(direct):
    (point,) = resilience(direct(2, []), "links", [0], trials=1).curve
    assert (point.connected, point.reachable, point.bisection) == (0, 0.5, 0)


def test_the_seed_decides(torus_443):
    again = [resilience(torus_443, "links", [0.2], trials=2, seed=seed) for seed in (1, 1, 2)]
    assert again[0] == again[1]
    assert again[0] != again[2]


def test_every_wrong_argument_is_named(direct):
    with pytest.raises(InputError) as caught:
        resilience(topologies.nvlink_domain(), "links", [-0.1, 2], trials=0)
    assert len(caught.value.faults) == 4
