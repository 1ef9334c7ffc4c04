"""Slim Fly against its formulas, the Hoffman-Singleton graph and the Moore bound's average distance."""

import networkx as nx
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import slim_fly

PUBLISHED = [
    (3, 18, 5, 3, 54, 45),
    (5, 50, 7, 4, 200, 175),
    (7, 98, 11, 6, 588, 539),
    (11, 242, 17, 9, 2178, 2057),
    (13, 338, 19, 10, 3380, 3211),
    (17, 578, 25, 13, 7514, 7225),
    (19, 722, 29, 15, 10830, 10469),
]


@pytest.mark.parametrize(("q", "routers", "degree", "hosts", "endpoints", "cables"), PUBLISHED)
def test_counts_are_the_published_ones(q, routers, degree, hosts, endpoints, cables):
    """Besta and Hoefler, SC 2014: 2q^2 routers of degree (3q - d)/2, half of that many hosts on each, rounded up."""
    fabric = slim_fly(q=q)
    assert len(fabric.of_kind(NodeKind.SWITCH)) == routers == 2 * q**2
    assert fabric.ranks == endpoints == routers * hosts
    assert fabric.cables - fabric.ranks == cables == routers * degree // 2


@pytest.mark.parametrize("q", [3, 4, 5, 7, 8, 9, 11, 13, 16, 17])
def test_every_prime_power_gives_a_regular_graph_of_diameter_two(q, switch_graph):
    """All three residues of q, primes and powers. Then the average distance is (k' + 2(n - 1 - k'))/(n - 1)."""
    graph = switch_graph(slim_fly(q=q, hosts=1))
    residue = {0: 0, 1: 1, 3: -1}[q % 4]
    degree, n = (3 * q - residue) // 2, 2 * q**2
    assert not nx.number_of_selfloops(graph)
    assert nx.Graph(graph).number_of_edges() == graph.number_of_edges() == n * degree // 2
    assert {found for _, found in graph.degree} == {degree}
    root = {name: nx.single_source_shortest_path_length(graph, name, cutoff=2) for name in graph}
    assert all(len(reached) == n for reached in root.values())


def test_q_5_is_the_hoffman_singleton_graph(switch_graph):
    ours = nx.Graph(switch_graph(slim_fly(q=5)))
    assert nx.is_isomorphic(ours, nx.hoffman_singleton_graph())


def test_a_q_that_is_no_prime_power_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match=r"no field of 28 elements.*q=27 or q=29"):
        slim_fly(q=28)


def test_deepseeks_slim_fly_row_follows_the_formula_for_q_28():
    """ISCA 2025, table 3, row SF: 1568 switches, 32928 endpoints, 32928 cables; 28 being 4 * 7, only as a formula."""
    q = 28
    routers, degree = 2 * q**2, 3 * q // 2
    assert (routers, routers * -(-degree // 2), routers * degree // 2) == (1568, 32928, 32928)


def test_coordinates_name_the_half_the_column_and_the_row():
    fabric = slim_fly(q=4)
    routers = fabric.of_kind(NodeKind.SWITCH)
    coordinates = [tuple(fabric.column(f"coord{axis}")[node] for axis in range(3)) for node in routers]
    assert coordinates == [(s, x, y) for s in range(2) for x in range(4) for y in range(4)]
