"""Bisection: formulas of regular networks, and a slow search of all halves on small ones."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.metrics.bisection import bisection
from fabricsim.fabric.metrics.partition import flow_bps
from fabricsim.fabric.metrics.switch_graph import switch_graph
from fabricsim.fabric.metrics.tiers import tiers
from hypothesis import given, settings
from hypothesis import strategies as st

RATE_BPS = 100e9


def found(fabric):
    return bisection(fabric, switch_graph(fabric), tiers(fabric))


@pytest.mark.parametrize("dims", [(4, 4), (4, 6), (4, 4, 4), (8, 4, 4), (6, 6, 6)])
def test_a_torus_is_cut_by_two_planes_across_its_longest_dimension(direct, grid, dims):
    """2N/d_max cables (Dally and Towles, chapter 5)."""
    fabric = direct(int(np.prod(dims)), grid(*dims, wrap=True), hosts=8)
    assert found(fabric).bps == pytest.approx(2 * np.prod(dims) / max(dims) * RATE_BPS)
    assert "at most" in found(fabric).method


@pytest.mark.parametrize("dims", [(4, 4), (8, 4), (4, 4, 4)])
def test_a_mesh_is_cut_by_one(direct, grid, dims):
    fabric = direct(int(np.prod(dims)), grid(*dims, wrap=False), hosts=8)
    assert found(fabric).bps == pytest.approx(np.prod(dims) / max(dims) * RATE_BPS)


@pytest.mark.parametrize("switches", [4, 6, 8, 10])
def test_a_complete_graph_is_cut_by_a_quarter_of_its_pairs(direct, switches):
    fabric = direct(switches, list(itertools.combinations(range(switches), 2)), hosts=switches)
    assert found(fabric).bps == pytest.approx(switches**2 / 4 * RATE_BPS)


def test_hosts_that_send_less_than_the_cut_carries_limit_it(direct):
    pairs = list(itertools.combinations(range(8), 2))
    assert found(direct(8, pairs, hosts=1)).bps == pytest.approx(4 * RATE_BPS)


def test_two_parts_share_nothing(direct):
    fabric = direct(6, [(0, 1), (1, 2), (3, 4), (4, 5)])
    assert found(fabric).bps == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 8), st.floats(0.3, 0.9), st.integers(0, 2**32 - 1))
def test_no_flow_is_below_the_least_cut_of_all_halves(direct, size, density, seed):
    """The slow twin: networkx's smallest cut for every way to halve the hosts."""
    graph = nx.gnp_random_graph(size, density, seed=seed)
    fabric = direct(size, list(graph.edges), hosts=1)
    least = min(_cut(graph, set(low)) for low in itertools.combinations(range(size), size // 2))
    assert found(fabric).bps >= least * RATE_BPS * (1 - 1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.floats(0.2, 0.9), st.integers(0, 2**32 - 1), st.data())
def test_the_flow_between_halves_is_the_one_networkx_finds(direct, size, density, seed, data):
    graph = nx.gnp_random_graph(size, density, seed=seed)
    fabric = direct(size, list(graph.edges), host_bps=3 * RATE_BPS)
    switches = switch_graph(fabric)
    low = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    expected = _cut(graph, set(np.flatnonzero(low[np.argsort(switches.port_owner)]).tolist()), hosts=3)
    assert flow_bps(switches, low) == pytest.approx(expected * RATE_BPS)


def _cut(graph: nx.Graph, low: set[int], hosts: int = 1) -> float:
    flow = nx.DiGraph()
    flow.add_nodes_from(["from", "to"])
    for u, v in graph.edges:
        flow.add_edge(u, v, capacity=1)
        flow.add_edge(v, u, capacity=1)
    for switch in graph.nodes:
        ends = ("from", switch) if switch in low else (switch, "to")
        flow.add_edge(*ends, capacity=hosts)
    return nx.maximum_flow_value(flow, "from", "to")
