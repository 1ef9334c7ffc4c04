"""Effective bisection bandwidth: where nothing can collide, where everything must, and against a count by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.metrics.effective_bisection import crowded_bps, effective_bisection
from fabricsim.fabric.routing import router_for


def test_a_crossbar_gives_every_pattern_its_full_rate(direct):
    fabric = direct(1, [], hosts=9)
    found = effective_bisection(fabric, router_for(fabric))
    assert (found.share, found.deviation, found.lowest) == (1.0, 0.0, 1.0)
    assert found.bps == 4 * 100e9


def test_a_single_flow_has_a_cable_to_itself(direct):
    fabric = direct(2, [(0, 1)], hosts=1)
    assert effective_bisection(fabric, router_for(fabric, "ecmp")).share == 1.0


@pytest.mark.parametrize("k", [4, 8])
def test_static_routing_of_a_full_tree_is_no_crossbar(k):
    """Hoefler, Schneider, Lumsdaine 2008: 55 to 60% on large full-bisection InfiniBand trees; small ones lose less."""
    fabric = topologies.fat_tree(k=k)
    found = effective_bisection(fabric, router_for(fabric))
    assert 0.5 < found.share < 0.95
    assert found.share - 3 * found.deviation < 1


def test_a_flow_gets_its_part_of_the_most_crowded_link(fat_tree_4):
    router = router_for(fat_tree_4, "ecmp", seed=5)
    paths = router.paths([0, 1, 2, 3], [15, 14, 13, 12])
    flows = Counter(paths.links.tolist())
    expected = [100e9 / flows[link] for link in paths.links.tolist()]
    assert crowded_bps(fat_tree_4, paths.links) == pytest.approx(expected)


def test_flows_on_one_link_halve_it(fat_tree_4):
    assert crowded_bps(fat_tree_4, np.array([6, 6], dtype=np.int32)).tolist() == [50e9, 50e9]


def test_the_seed_decides(fat_tree_4):
    router = router_for(fat_tree_4)
    assert effective_bisection(fat_tree_4, router, 1) == effective_bisection(fat_tree_4, router, 1)
    assert effective_bisection(fat_tree_4, router, 1) != effective_bisection(fat_tree_4, router, 2)


def test_one_rank_has_no_halves(direct):
    fabric = direct(1, [], hosts=1)
    assert effective_bisection(fabric, router_for(fabric)) is None


def test_where_every_way_must_be_searched_for_too_long_the_measures_say_so(monkeypatch):
    """16 switches with 4 links each are 64 links to look at, for each of the 16."""
    from fabricsim.fabric.metrics import effective_bisection as module
    from fabricsim.fabric.metrics import measures

    fabric = topologies.load("torus", dims="4x4")
    monkeypatch.setattr(module, "_MOST_VISITS", 16 * 64 - 1)
    found = measures(fabric, "ecmp")
    assert found.effective_bisection is None
    assert found.uniform_load is not None
    assert found.assumptions == (
        "no effective bisection: shortest ways to 16 switches over 64 links would take minutes to find",
    )
    assert measures(fabric, "dor").effective_bisection is not None
