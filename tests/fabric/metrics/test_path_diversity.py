"""Ways between switches: formulas of trees and tori, and networkx on any graph."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.metrics.path_diversity import path_diversity
from fabricsim.fabric.metrics.switch_graph import switch_graph
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("k", [4, 6])
def test_a_fat_tree_has_a_way_per_core_switch_and_a_disjoint_one_per_uplink(k):
    """(k/2)^2 shortest ways between pods, k/2 within one; k/2 uplinks at each edge switch."""
    found = path_diversity(switch_graph(topologies.fat_tree(k=k)))
    assert (found.shortest_min, found.disjoint_min, found.disjoint_mean) == (k / 2, k / 2, k / 2)
    if k == 4:  # few enough for all 28 pairs, 4 of them within a pod
        assert found.method == "all pairs"
        assert found.shortest_mean == pytest.approx((4 * 2 + 24 * 4) / 28)


def test_parallel_cables_are_ways_of_their_own():
    """64 nodes: 4 cables from each leaf to each of 8 spines: 8 x 4 x 4 ways, 32 of them disjoint."""
    found = path_diversity(switch_graph(topologies.load("hgx-h100", nodes=64)))
    assert (found.shortest_min, found.shortest_mean, found.disjoint_min) == (128, 128, 32)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 11), st.floats(0.1, 0.9), st.integers(0, 2**32 - 1))
def test_any_graph_has_the_ways_networkx_finds(direct, size, density, seed):
    graph = nx.gnp_random_graph(size, density, seed=seed)
    found = path_diversity(switch_graph(direct(size, list(graph.edges))))
    pairs = list(itertools.combinations(range(size), 2))
    shortest = [len(list(nx.all_shortest_paths(graph, *p))) if nx.has_path(graph, *p) else 0 for p in pairs]
    disjoint = [nx.edge_connectivity(graph, *p) for p in pairs]
    assert (found.shortest_min, found.disjoint_min) == (min(shortest), min(disjoint))
    assert found.shortest_mean == pytest.approx(np.mean(shortest))
    assert found.disjoint_mean == pytest.approx(np.mean(disjoint))


def test_one_switch_has_no_pairs(direct):
    assert path_diversity(switch_graph(direct(1, []))) is None


def test_a_draw_of_pairs_says_so(torus_443):
    found = path_diversity(switch_graph(torus_443))
    assert found.method == "64 pairs of switches drawn at random"
    assert found.disjoint_min == 6  # as many as a switch has neighbours
