"""The deadlock check against networkx on the same dependencies, and against what the papers prove."""

from __future__ import annotations

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.check_routing import check_routing
from fabricsim.fabric.routing import router_for
from fabricsim.fabric.routing.deadlock import check_deadlock
from fabricsim.fabric.routing.lanes import one_lane
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st


def dependencies(draw, fabric, router, entropies=(0,)) -> nx.DiGraph:
    """Channel dependency graph of all pairs, drawn hop by hop."""
    graph = nx.DiGraph()
    src, dst = draw.all_pairs(fabric)
    for entropy in entropies:
        routed = router.paths(src, dst, np.full(len(src), entropy))
        for links, lanes in zip(draw.paths_of(routed), draw.lanes_of(routed), strict=True):
            nx.add_path(graph, list(zip(links.tolist(), lanes.tolist(), strict=True)))
    return graph


def on_one_lane(router):
    return replace(router, assign=one_lane)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 14), st.integers(0, 16), st.integers(0, 2**31))
def test_updn_is_free_of_cycles_on_any_graph(draw, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    router = router_for(fabric, "updn")
    assert nx.is_directed_acyclic_graph(dependencies(draw, fabric, router))
    assert not check_deadlock(fabric, router).cycle


@pytest.mark.parametrize("rule", ["minimal", "valiant"])
@settings(max_examples=15, deadline=None)
@given(st.integers(2, 12), st.integers(0, 16), st.integers(0, 2**31))
def test_a_lane_more_with_every_hop_is_free_of_cycles_on_any_graph(draw, rule, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    router = router_for(fabric, rule, seed)
    assert nx.is_directed_acyclic_graph(dependencies(draw, fabric, router, range(4)))
    assert not check_deadlock(fabric, router).cycle


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3).filter(lambda dims: 1 < np.prod(dims) <= 60))
def test_datelines_free_a_torus_of_cycles(draw, dims):
    fabric = draw.grid("torus", tuple(dims))
    router = router_for(fabric, "dor")
    assert nx.is_directed_acyclic_graph(dependencies(draw, fabric, router))
    assert not check_deadlock(fabric, router).cycle


@pytest.mark.parametrize("size", [5, 6, 7, 8])
def test_a_ring_on_one_lane_waits_for_itself_all_the_way_round(draw, size):
    fabric = draw.grid("torus", (size,))
    cycle = check_deadlock(fabric, on_one_lane(router_for(fabric, "dor"))).cycle
    assert len(cycle) == size
    assert len({dependency.link for dependency in cycle}) == size


@pytest.mark.parametrize("family", ["mesh", "hyperx"])
def test_dimension_order_without_rings_needs_one_lane(draw, family):
    fabric = draw.grid(family, (3, 4))
    router = router_for(fabric, "dor")
    assert router.paths(*draw.all_pairs(fabric)).lanes.max() == 0
    assert not check_deadlock(fabric, router).cycle


@pytest.mark.parametrize(("rule", "lanes"), [("minimal", 2), ("valiant", 3)])
def test_a_dragonfly_needs_its_lanes(draw, rule, lanes):
    """Two for minimal, three for Valiant (Kim et al. 2008, section 4)."""
    fabric = draw.dragonfly(1, 4, 2)
    router = router_for(fabric, rule)
    src, dst = draw.all_pairs(fabric)
    assert router.paths(src, dst, np.arange(len(src))).lanes.max() == lanes - 1
    assert nx.is_directed_acyclic_graph(dependencies(draw, fabric, router, range(4)))
    assert not check_deadlock(fabric, router).cycle
    assert check_deadlock(fabric, on_one_lane(router)).cycle


@pytest.mark.parametrize("rule", ["d-mod-k", "s-mod-k", "ecmp", "minimal", "updn"])
def test_up_and_down_in_a_tree_never_locks(draw, rule):
    fabric = load("fat_tree", k=4)
    assert not check_deadlock(fabric, router_for(fabric, rule)).cycle


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 10), st.integers(0, 14), st.integers(0, 2**31))
def test_the_verdict_on_shortest_paths_is_that_of_networkx(draw, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    router = router_for(fabric, "d-mod-k")
    graph = dependencies(draw, fabric, router)
    assert bool(check_deadlock(fabric, router).cycle) != nx.is_directed_acyclic_graph(graph)


@pytest.mark.parametrize("rule", ["d-mod-k", "ecmp"])
def test_every_dependency_of_the_cycle_is_made_by_the_pair_it_names(draw, rule):
    fabric = draw.grid("torus", (4, 4))
    router = router_for(fabric, rule)
    cycle = check_deadlock(fabric, router).cycle
    assert len(cycle) >= 3
    for here, after in itertools.pairwise((*cycle, cycle[0])):
        paths = [router.paths([here.src], [here.dst], [entropy]).links.tolist() for entropy in range(4)]
        assert any((here.link, after.link) in itertools.pairwise(path) for path in paths)


def test_large_fabrics_are_looked_at_from_one_rank_behind_each_switch():
    fabric = load("fat_tree", k=22)  # 2662 hosts, 7.1 million pairs, 242 leaves
    check = check_deadlock(fabric, router_for(fabric, "d-mod-k"))
    assert check.coverage == "one rank behind each switch to all ranks"
    assert not check.cycle


def test_findings_name_each_link_of_the_circle_and_what_it_waits_for(draw):
    fabric = draw.grid("torus", (4, 4))
    report = check_routing(fabric, "d-mod-k")
    assert {finding.rule for finding in report.findings} == {"deadlock"}
    waits = {finding.where: finding.message for finding in report.findings}
    for message in waits.values():
        assert message.removeprefix("waits for ").split(", on the way")[0] in waits


def test_lost_pairs_are_findings_too(draw):
    assert check_routing(draw.grid("mesh", (2, 2)), "dor").findings == ()
    report = check_routing(draw.islands(), "ecmp")
    assert [finding.rule for finding in report.findings] == ["unrouted"] * 8
    assert report.findings[0].message == "no path from host-0 to host-2"
