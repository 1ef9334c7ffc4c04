"""Jellyfish: what a random regular graph must be, and that all of them are equally likely."""

from collections import Counter

import networkx as nx
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import jellyfish
from fabricsim.topologies.random_regular import random_regular
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("switches", "radix", "degree"), [(20, 12, 5), (50, 24, 12), (40, 32, 20), (10, 16, 9), (245, 14, 10)]
)
def test_counts_follow_the_formulas(switches, radix, degree, switch_graph):
    """Singla et al., NSDI 2012: N(k - r) hosts, Nr/2 cables."""
    fabric = jellyfish(switches=switches, radix=radix, degree=degree)
    assert fabric.ranks == switches * (radix - degree)
    assert fabric.cables - fabric.ranks == switches * degree // 2
    assert set(fabric.column("radix")[fabric.of_kind(NodeKind.SWITCH)].tolist()) == {radix}
    assert {found for _, found in switch_graph(fabric).degree} == {degree}


@settings(max_examples=80, deadline=None)
@given(st.integers(4, 40), st.integers(3, 39), st.integers(0, 2**63))
def test_graphs_are_simple_regular_and_connected(nodes, degree, seed):
    if degree >= nodes or nodes * degree % 2:
        return
    edges = random_regular(nodes, degree, seed)
    graph = nx.Graph(edges.tolist())
    assert graph.number_of_edges() == len(edges) == nodes * degree // 2
    assert not nx.number_of_selfloops(graph)
    assert {found for _, found in graph.degree} == {degree}
    assert nx.is_connected(graph)


@pytest.mark.parametrize(
    ("nodes", "degree", "first", "share"),
    [(6, 3, nx.complete_bipartite_graph(3, 3), 10 / 70), (8, 3, nx.cubical_graph(), 840 / 19320)],
)
def test_no_graph_is_favoured(nodes, degree, first, share):
    """Of 70 cubic graphs on 6 labelled nodes 10 are K(3,3); of 19320 connected ones on 8, 8!/48 = 840 are cubes."""
    drawn = [nx.Graph(random_regular(nodes, degree, seed).tolist()) for seed in range(600)]
    found = Counter(nx.is_isomorphic(graph, first) for graph in drawn)[True]
    assert found == pytest.approx(600 * share, abs=4 * (600 * share * (1 - share)) ** 0.5)


def test_a_seed_is_a_graph():
    fields = {"switches": 30, "radix": 12, "degree": 6}
    assert jellyfish(**fields, seed=4) == jellyfish(**fields, seed=4)
    assert jellyfish(**fields, seed=4) != jellyfish(**fields, seed=5)


def test_the_average_path_is_no_shorter_than_the_moore_bound_and_close_to_it(switch_graph):
    """Cerf et al. 1974: at most r(r-1)^(d-1) switches at distance d. Random graphs come within a few percent."""
    switches, degree = 200, 10
    graph = switch_graph(jellyfish(switches=switches, radix=16, degree=degree))
    left, distance, bound = switches - 1, 1, 0
    while left > 0:
        here = min(left, degree * (degree - 1) ** (distance - 1))
        bound, left, distance = bound + here * distance, left - here, distance + 1
    average = nx.average_shortest_path_length(nx.Graph(graph))
    assert bound / (switches - 1) <= average < 1.1 * bound / (switches - 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"switches": 7, "radix": 8, "degree": 5}, "35 cable ends, an odd number.*degree=4 or switches=8"),
        ({"switches": 6, "radix": 16, "degree": 6}, "5 others each.*degree=5 or switches=7"),
        ({"switches": 20, "radix": 8, "degree": 8}, "leave none for hosts.*degree=7 or radix=9"),
        ({"switches": 20, "radix": 8, "degree": 2}, "2 is below 3"),
        ({"switches": 20, "radix": 8, "degree": 4, "hosts": 5}, "9 cables do not fit"),
    ],
)
def test_impossible_graphs_are_refused_with_the_nearest(fields, words):
    with pytest.raises(SpecError, match=words):
        jellyfish(**fields)
