"""Load of uniform traffic: closed forms, and the sum over all pairs of ranks one by one."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.graph import SWITCH_KINDS
from fabricsim.fabric.metrics import equal_cost_load, routed_load
from fabricsim.fabric.metrics.uniform_load import uniform_load
from fabricsim.fabric.routing import router_for


@pytest.mark.parametrize("k", [4, 6, 8])
def test_a_fat_tree_carries_what_leaves_the_edge_and_the_pod(k):
    """Of the n-1 others, k/2 - 1 are on the edge switch and k^2/4 - 1 in the pod."""
    fabric = topologies.fat_tree(k=k)
    loads = {load.where: load for load in uniform_load(fabric, router_for(fabric)).tiers}
    others = k**3 / 4 - 1
    for where in ("leaf -> agg", "agg -> leaf"):
        assert loads[where].mean == pytest.approx((others - (k / 2 - 1)) / others)
        assert loads[where].highest == pytest.approx(loads[where].mean)
    assert loads["agg -> core"].highest == pytest.approx((others - (k**2 / 4 - 1)) / others)


@pytest.mark.parametrize("dims", [(4, 4, 4), (8, 4), (6, 6)])
def test_a_torus_carries_the_average_distance_over_its_links(direct, grid, dims):
    """N hosts send over `average` hops on 2 N D directed links, alike by symmetry in each dimension of even length d:
    d/8 * N/(N-1)."""
    size = int(np.prod(dims))
    fabric = direct(size, grid(*dims, wrap=True))
    (load,) = uniform_load(fabric, router_for(fabric, "ecmp")).tiers
    average = sum(d / 4 for d in dims) * size / (size - 1)
    assert load.mean == pytest.approx(average / (2 * len(dims)))


def test_a_server_keeps_its_own_traffic_inside():
    """8 nodes of 8: of 63 others 7 are in the server and 7 on the rail; the rest crosses the spine."""
    fabric = topologies.load("hgx-h100", nodes=8)
    found = uniform_load(fabric, router_for(fabric))
    assert {load.where: load.highest for load in found.rails} == {f"rail {r}": pytest.approx(49 / 63) for r in range(8)}
    assert found.throughput == 1.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: topologies.load("hgx-h100", nodes=12, oversubscription=3),
        lambda: topologies.load("hgx-a100", nodes=5, nics_per_node=4, su=2, radix=8),
        lambda: topologies.load("gb200-nvl72", nodes=2, gpus_per_rack=8),
        lambda: topologies.fat_tree(k=4, server="hgx-h100"),
    ],
)
def test_the_load_is_the_sum_over_all_pairs_of_ranks(make):
    fabric = make()
    router = router_for(fabric, "ecmp")
    src, dst = (side.ravel() for side in np.meshgrid(np.arange(fabric.ranks), np.arange(fabric.ranks)))
    src, dst = src[src != dst], dst[src != dst]
    spread = router.spread(src, dst)
    first = spread.links[spread.indptr[:-1]]
    ports_bps = _sent_bps(fabric)[src] / (fabric.ranks - 1)
    assert len(first) == len(src)
    flow_bps = np.repeat(ports_bps, np.diff(spread.indptr)) * spread.shares
    load = np.bincount(spread.links, weights=flow_bps, minlength=fabric.links) / fabric.capacity_bps
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    trunk = switch[fabric.link_source] & switch[fabric.link_target]
    found = uniform_load(fabric, router)
    assert max(tier.highest for tier in found.tiers) == pytest.approx(load[trunk].max())
    assert sum(tier.mean * tier.links for tier in found.tiers) == pytest.approx(load[trunk].sum())
    assert found.throughput == pytest.approx(min(1.0, 1.0 / load[trunk].max()))


def _sent_bps(fabric):
    """Rate of all network ports behind each rank."""
    from fabricsim.fabric.routing.ports import network_ports

    ports = network_ports(fabric)
    rate = np.concatenate(([0.0], np.cumsum(fabric.capacity_bps[ports.link])))
    return rate[ports.indptr[1:]] - rate[ports.indptr[:-1]]


@pytest.mark.parametrize("first", [1, 7, 1024])
def test_the_size_of_the_calls_changes_nothing(monkeypatch, first):
    fabric = topologies.fat_tree(k=8)
    whole = uniform_load(fabric, router_for(fabric))
    monkeypatch.setattr(routed_load, "_FIRST_CALL", first)
    monkeypatch.setattr(routed_load, "_ENTRIES_PER_CALL", 100)
    again = uniform_load(fabric, router_for(fabric))
    assert again.method == whole.method == "as routed, all pairs of switches"
    for one, other in zip(whole.tiers, again.tiers, strict=True):
        assert (other.mean, other.highest) == (pytest.approx(one.mean), pytest.approx(one.highest))


@pytest.mark.parametrize(
    "make",
    [
        lambda: topologies.fat_tree(k=6),
        lambda: topologies.load("hgx-h100", nodes=12, oversubscription=3),
        lambda: topologies.load("hgx-a100", nodes=5, nics_per_node=4, su=2, radix=8),
        lambda: topologies.load("gb200-nvl72", nodes=2, gpus_per_rack=8),
        lambda: topologies.load("dragonfly", p=2, a=4, h=2),
        lambda: topologies.load("slim_fly", q=5),
        lambda: topologies.load("multi_plane", planes=2, radix=8, split="ports"),
        lambda: topologies.load("dual_tor", nodes=6, segment=2),
    ],
)
@pytest.mark.parametrize("limit", ["_MOST_PAIRS", "_MOST_ENTRIES"])
def test_what_is_too_large_for_the_router_is_pushed_over_the_same_ways(monkeypatch, make, limit):
    """Equal-cost routing splits evenly over the shortest ways, too."""
    fabric = make()
    router = router_for(fabric, "ecmp")
    exact = uniform_load(fabric, router)
    monkeypatch.setattr(routed_load, limit, 1)
    pushed = uniform_load(fabric, router)
    assert pushed.method == "over all shortest ways, to all switches"
    for one, other in zip((*exact.tiers, *exact.rails), (*pushed.tiers, *pushed.rails), strict=True):
        assert other.where == one.where
        assert (other.mean, other.highest) == (pytest.approx(one.mean), pytest.approx(one.highest))


def test_a_sample_of_goals_tells_means_alone(monkeypatch):
    fabric = topologies.fat_tree(k=8)
    whole = uniform_load(fabric, router_for(fabric))
    monkeypatch.setattr(routed_load, "_MOST_PAIRS", 1)
    monkeypatch.setattr(equal_cost_load, "_MOST_VISITS", 8000)
    monkeypatch.setattr(equal_cost_load, "_SAMPLE", 16)
    part = uniform_load(fabric, router_for(fabric), seed=3)
    assert part.method == "over all shortest ways, to 16 of 32 switches, so at most this"
    assert all(tier.highest is None for tier in part.tiers)
    for one, other in zip(whole.tiers, part.tiers, strict=True):
        assert other.mean == pytest.approx(one.mean)


def test_one_switch_has_nothing_between_switches(direct):
    fabric = direct(1, [], hosts=4)
    assert uniform_load(fabric, router_for(fabric)) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: topologies.load("torus", dims="6x4x3"),
        lambda: topologies.load("torus", dims="5x2", hosts=3),
        lambda: topologies.load("hyperx", dims="4x3", hosts=2),
    ],
)
def test_one_switch_of_a_closed_grid_stands_for_all(monkeypatch, make):
    fabric = make()
    router = router_for(fabric, "ecmp")
    exact = uniform_load(fabric, router)
    monkeypatch.setattr(routed_load, "_MOST_PAIRS", 1)
    single = uniform_load(fabric, router)
    assert single.method.startswith("over all shortest ways, to one switch, which stands for all")
    for one, other in zip(exact.tiers, single.tiers, strict=True):
        assert (other.mean, other.highest) == (pytest.approx(one.mean), pytest.approx(one.highest))


@pytest.mark.parametrize(
    "make",
    [
        lambda direct, grid: topologies.load("mesh", dims="4x4"),
        lambda direct, grid: topologies.load("torus", dims="4x8", twist=4),
        lambda direct, grid: topologies.load("torus", dims="4x4", hosts=2, server="hgx-h100"),
        lambda direct, grid: topologies.load("dragonfly", p=1, a=4, h=1),
        lambda direct, grid: direct(16, grid(4, 4, wrap=True)),
    ],
    ids=["open", "askew", "servers on four switches", "no shift", "no coordinates"],
)
def test_no_switch_stands_for_others_where_they_may_differ(monkeypatch, direct, grid, make):
    fabric = make(direct, grid)
    monkeypatch.setattr(routed_load, "_MOST_PAIRS", 1)
    found = uniform_load(fabric, router_for(fabric, "ecmp"))
    assert found.method == "over all shortest ways, to all switches"


def test_a_torus_with_a_cable_less_is_not_alike_from_everywhere(monkeypatch):
    """Every goal counts then: the load is that of all pairs of ranks."""
    whole = topologies.load("torus", dims="4x4")
    graph = whole.to_networkx()
    graph.remove_edges_from([("switch-0-0", "switch-0-1"), ("switch-0-1", "switch-0-0")])
    fabric = type(whole).from_networkx(graph)
    router = router_for(fabric, "ecmp")
    exact = uniform_load(fabric, router)
    monkeypatch.setattr(routed_load, "_MOST_PAIRS", 1)
    pushed = uniform_load(fabric, router)
    assert "to all switches" in pushed.method
    assert pushed.tiers[0].highest == pytest.approx(exact.tiers[0].highest)
