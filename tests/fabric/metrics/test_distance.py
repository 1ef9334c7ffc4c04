"""Distances: against networkx, formulas and published averages."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.metrics import distance
from fabricsim.fabric.metrics.distance import distances
from fabricsim.fabric.metrics.switch_graph import switch_graph
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 90), st.floats(0, 0.2), st.integers(0, 2**32 - 1))
def test_any_graph_has_the_distances_networkx_finds(direct, size, density, seed):
    graph = nx.gnp_random_graph(size, density, seed=seed)
    found = distances(switch_graph(direct(size, list(graph.edges))))
    hops = [
        d for source, far in nx.all_pairs_shortest_path_length(graph) for target, d in far.items() if target != source
    ]
    assert found.diameter == max(hops, default=0)
    assert found.average == pytest.approx(np.mean(hops) if hops else 0.0)
    assert found.connected == nx.is_connected(graph)
    assert found.exact


@pytest.mark.parametrize(("dims", "average"), [((4, 4, 4), 3.048), ((8, 8, 8), 6.012), ((8, 8, 16), 8.008)])
def test_a_torus_has_the_diameter_and_average_of_its_formulas(direct, grid, dims, average):
    """Diameter sum floor(d/2); average sum d/4 * N/(N-1) for even d (Dally and Towles, chapter 5)."""
    found = distances(switch_graph(direct(int(np.prod(dims)), grid(*dims, wrap=True))))
    assert found.diameter == sum(d // 2 for d in dims)
    assert found.average == pytest.approx(average, abs=5e-4)


def test_switches_without_users_are_no_ends(fat_tree_4):
    """From edge to edge: 2 hops to the other of the pod, 4 to the six of other pods."""
    found = distances(switch_graph(fat_tree_4))
    assert (found.diameter, found.average) == (4, pytest.approx((2 + 6 * 4) / 7))


def test_a_sample_says_so_and_is_the_same_again(torus_443, monkeypatch):
    monkeypatch.setattr(distance, "_MOST_VISITS", 1)
    monkeypatch.setattr(distance, "_SAMPLE", 7)
    graph = switch_graph(torus_443)
    found = distances(graph)
    assert found.method == "from 7 of 48 switches, drawn at random"
    assert not found.exact
    assert found.diameter == 2 + 2 + 1  # every switch of a torus sees the same distances
    assert found == distances(graph)
