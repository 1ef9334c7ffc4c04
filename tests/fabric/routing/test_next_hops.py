"""Distances found for many goals at once, in blocks: the same as for each alone, in a fraction of one table's room."""

from __future__ import annotations

import tracemalloc

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.routing import next_hops, router_for
from fabricsim.fabric.routing.next_hops import NextHops
from fabricsim.fabric.routing.switch_graph import switch_graph
from fabricsim.topologies import load

RULES = ("ecmp", "wcmp", "d-mod-k", "updn", "minimal", "valiant")


@pytest.fixture(scope="module")
def jellyfish():
    return load("jellyfish", switches=200, radix=5, degree=4, seed=3)


@pytest.fixture
def small_blocks(monkeypatch):
    """Tables of 64 goals."""
    monkeypatch.setattr(next_hops, "TABLE_BYTES", 1)


def test_distances_to_more_goals_than_a_word_has_bits_are_those_of_networkx(jellyfish):
    graph = switch_graph(jellyfish)
    plain = nx.Graph(list(zip(*(ends.tolist() for ends in graph.ends), strict=True)))
    ways = NextHops(graph)
    found = ways.goals(ways.to_switches(np.arange(200, dtype=np.int32))[0]).hops
    for goal, distance in nx.all_pairs_shortest_path_length(plain):
        assert found[goal].tolist() == [distance[switch] for switch in range(200)]


@pytest.mark.parametrize("rule", RULES)
def test_blocks_of_goals_change_no_path_and_no_share(jellyfish, rule, request):
    src = np.arange(200).repeat(3)
    dst = (src + np.tile([1, 77, 133], 200)) % 200
    router = router_for(jellyfish, rule, seed=1)
    paths, spread = router.paths(src, dst), router.spread(src[:90], dst[:90])
    request.getfixturevalue("small_blocks")
    again, split = router.paths(src, dst), router.spread(src[:90], dst[:90])
    for whole, blocks in ((paths.indptr, again.indptr), (paths.links, again.links), (paths.lanes, again.lanes)):
        assert np.array_equal(whole, blocks)
    for whole, blocks in ((spread.indptr, split.indptr), (spread.links, split.links), (spread.shares, split.shares)):
        assert np.array_equal(whole, blocks)


def test_paths_to_all_goals_of_a_large_graph_need_no_table_of_all_distances(small_blocks):
    fabric = load("jellyfish", switches=3000, radix=5, degree=4, seed=3)
    router = router_for(fabric, "ecmp")
    src = np.arange(3000)
    router.paths(src[:1], src[1:2])
    tracemalloc.start()
    paths = router.paths(src, (src + 1) % 3000)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(paths.indptr) == 3001
    assert used < 2 * 3000**2 / 4
