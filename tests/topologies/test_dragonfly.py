"""Dragonfly and dragonfly+ against their formulas, a construction by hand, and published counts."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import dragonfly, dragonfly_plus
from hypothesis import given, settings
from hypothesis import strategies as st


def switch_cables(fabric) -> int:
    return fabric.cables - fabric.ranks


def groups_joined(graph: nx.MultiGraph) -> Counter:
    """Global cables between each two groups; a switch's name begins with its kind and its group."""
    ends = ((int(one.split("-")[1]), int(other.split("-")[1])) for one, other in graph.edges())
    return Counter(tuple(sorted(pair)) for pair in ends if pair[0] != pair[1])


@pytest.mark.parametrize(
    ("p", "hosts", "routers"), [(1, 6, 6), (2, 72, 36), (3, 342, 114), (4, 1056, 264), (8, 16512, 2064)]
)
def test_balanced_counts_follow_the_formulas(p, hosts, routers):
    """Kim et al., ISCA 2008: a = 2h = 2p, g = ah + 1; a*p*g hosts, g*a(a-1)/2 local and g*a*h/2 global cables."""
    a, h, g = 2 * p, p, 2 * p * p + 1
    fabric = dragonfly(p=p)
    assert fabric.ranks == hosts == a * p * g
    assert len(fabric.of_kind(NodeKind.SWITCH)) == routers == a * g
    assert switch_cables(fabric) == g * a * (a - 1) // 2 + g * a * h // 2


def by_hand(p: int, first_group) -> nx.Graph:
    """Router (i, k // h) of group i has global cable k to `first_group(i, k)`."""
    a, h, g = 2 * p, p, 2 * p * p + 1
    graph = nx.Graph()
    for i in range(g):
        graph.add_edges_from(((i, x), (i, y)) for x in range(a) for y in range(x))
        for k in range(a * h):
            j = first_group(i, k) % g
            back = next(q for q in range(a * h) if first_group(j, q) % g == i)
            graph.add_edge((i, k // h), (j, back // h))
    return graph


@pytest.mark.parametrize("p", [2, 3])
@pytest.mark.parametrize(
    ("arrangement", "leads_to"),
    [
        ("consecutive", lambda i, k: k if k < i else k + 1),
        ("relative", lambda i, k: i + k + 1),
        ("palmtree", lambda i, k: i - k - 1),
    ],
)
def test_arrangements_are_those_of_their_definitions(p, arrangement, leads_to, switch_graph):
    ours = {frozenset(edge) for edge in switch_graph(dragonfly(p=p, arrangement=arrangement)).edges()}
    theirs = {frozenset(f"switch-{i}-{x}" for i, x in edge) for edge in by_hand(p, leads_to).edges()}
    assert ours == theirs


@pytest.mark.parametrize(("p", "average"), [(2, 2.343), (4, 2.686)])
def test_palmtree_has_diameter_3_and_the_published_average_distance(p, average, switch_graph):
    graph = nx.Graph(switch_graph(dragonfly(p=p)))
    assert nx.diameter(graph) == 3
    assert nx.average_shortest_path_length(graph) == pytest.approx(average, abs=5e-4)


def test_deepseeks_dragonfly_has_its_published_switches_and_cables():
    """DeepSeek, ISCA 2025, table 3, row DF: 511 groups of 32 routers; every global port is used."""
    fabric = dragonfly(p=16, g=511)
    assert (fabric.ranks, len(fabric.of_kind(NodeKind.SWITCH)), switch_cables(fabric)) == (261632, 16352, 384272)
    ports = np.bincount(fabric.link_source, minlength=fabric.nodes)[fabric.of_kind(NodeKind.SWITCH)]
    assert (ports == 16 + 31 + 16).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 5),
    st.data(),
    st.sampled_from(["palmtree", "consecutive", "relative"]),
)
def test_global_cables_are_spread_evenly_and_use_every_port(p, a, h, data, arrangement):
    g = data.draw(st.integers(2, a * h + 1))
    fabric = dragonfly(p=p, a=a, h=h, g=g, arrangement=arrangement)
    assert switch_cables(fabric) == g * a * (a - 1) // 2 + g * a * h // 2
    group = fabric.column("coord0")
    ends = group[fabric.link_source[::2]], group[fabric.link_target[::2]]
    between = Counter(frozenset(pair) for pair in zip(*ends, strict=True) if min(pair) >= 0 and pair[0] != pair[1])
    fewest = a * h // (g - 1)
    assert len(between) == g * (g - 1) // 2
    assert min(between.values()) >= fewest
    assert max(between.values()) <= fewest + 1
    ports = np.bincount(fabric.link_source, minlength=fabric.nodes)[fabric.of_kind(NodeKind.SWITCH)]
    assert sorted(ports.tolist()) == [p + a - 1 + h - g * a * h % 2] + [p + a - 1 + h] * (a * g - 1)


def test_too_many_groups_are_refused_with_the_most_possible():
    with pytest.raises(SpecError, match=r"a\*h = 8 global ports .*g=9 or h=3"):
        dragonfly(p=2, g=10)


@pytest.mark.parametrize(
    ("p", "hosts", "switches"), [(1, 2, 4), (2, 20, 20), (3, 90, 60), (4, 272, 136), (8, 4160, 1040)]
)
def test_plus_counts_follow_the_formulas(p, hosts, switches, switch_graph):
    """Shpiner et al., HiPINEB 2017: radix k = 2p, k^2/4 hosts per group, k^2/4 + 1 groups."""
    g = p * p + 1
    fabric = dragonfly_plus(p=p)
    assert fabric.ranks == hosts == p * p * g
    assert len(fabric.of_kind(NodeKind.LEAF)) + len(fabric.of_kind(NodeKind.SPINE)) == switches == 2 * p * g
    assert switch_cables(fabric) == g * p * p + g * p * p // 2
    assert set(groups_joined(switch_graph(fabric)).values()) == {1}
    assert len(groups_joined(switch_graph(fabric))) == g * (g - 1) // 2


def test_plus_groups_are_complete_bipartite_and_only_spines_leave_them(switch_graph):
    graph = switch_graph(dragonfly_plus(p=2, leaves=3, spines=2, h=2, g=4))
    for group in range(4):
        inside = graph.subgraph(name for name in graph if name.split("-")[1] == str(group))
        assert nx.is_isomorphic(nx.Graph(inside), nx.complete_bipartite_graph(3, 2))
    outside = [edge for edge in graph.edges() if edge[0].split("-")[1] != edge[1].split("-")[1]]
    assert {name.split("-")[0] for edge in outside for name in edge} == {"spine"}
    assert len(outside) == 4 * 2 * 2 // 2


def test_plus_diameter_between_leaves_is_three(switch_graph):
    """Leaf, spine, spine, leaf when each spine reaches every group."""
    graph = nx.Graph(switch_graph(dragonfly_plus(p=2, leaves=2, spines=2, h=4, g=5)))
    leaves = [name for name in graph if name.startswith("leaf")]
    assert max(nx.shortest_path_length(graph, one, other) for one in leaves for other in leaves) == 3
