"""Every rule's own law, against closed forms, networkx and plain arithmetic on coordinates."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import RoutingError, UnknownNameError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.fabric.routing import ROUTING_RULES, router_for, static_rule
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

GENERAL = ("ecmp", "wcmp", "d-mod-k", "s-mod-k", "updn", "minimal", "valiant")


def sample(draw, fabric, most=400):
    src, dst = draw.all_pairs(fabric)
    step = max(1, len(src) // most)
    return src[::step], dst[::step]


@pytest.mark.parametrize("rule", GENERAL)
@settings(max_examples=12, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10), st.integers(0, 2**31))
def test_on_any_graph_paths_join_and_spreads_conserve(draw, rule, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed, (1e11, 4e11))
    src, dst = draw.all_pairs(fabric)
    router = router_for(fabric, rule, seed)
    draw.joins(fabric, src, dst, router.paths(src, dst, np.arange(len(src))))
    draw.conserves(fabric, src, dst, router.spread(src, dst))


@pytest.mark.parametrize("rule", GENERAL)
@settings(max_examples=8, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10), st.integers(0, 2**31))
def test_a_pairs_way_does_not_depend_on_what_else_is_asked(draw, rule, switches, extra, seed):
    """The search for one pair ends early; that for all of them knows every distance."""
    fabric = draw.random_graph(switches, extra, seed, (1e11, 4e11))
    src, dst = draw.all_pairs(fabric)
    router = router_for(fabric, rule, seed)
    paths, spread = router.paths(src, dst), router.spread(src, dst)
    for pair in range(0, len(src), max(1, len(src) // 8)):
        own = slice(pair, pair + 1)
        one, part = router.paths(src[own], dst[own]), router.spread(src[own], dst[own])
        assert one.links.tolist() == paths.links[paths.indptr[pair] : paths.indptr[pair + 1]].tolist()
        among = slice(spread.indptr[pair], spread.indptr[pair + 1])
        assert part.links.tolist() == spread.links[among].tolist()
        assert part.shares.tolist() == spread.shares[among].tolist()


@pytest.mark.parametrize("rule", [*GENERAL, "dor"])
@pytest.mark.parametrize(("family", "dims"), [("torus", (4, 3)), ("mesh", (3, 2, 2)), ("hyperx", (3, 4))])
def test_on_grids_paths_join_and_spreads_conserve(draw, rule, family, dims):
    fabric = draw.grid(family, dims, hosts=2)
    src, dst = sample(draw, fabric)
    router = router_for(fabric, rule)
    draw.joins(fabric, src, dst, router.paths(src, dst))
    draw.conserves(fabric, src, dst, router.spread(src, dst))


@pytest.mark.parametrize("rule", GENERAL)
def test_on_a_dragonfly_and_over_forwarding_hosts_paths_join_and_spreads_conserve(draw, rule):
    for fabric in (draw.dragonfly(1, 4, 2), draw.bcube(3)):
        src, dst = sample(draw, fabric)
        router = router_for(fabric, rule)
        draw.joins(fabric, src, dst, router.paths(src, dst))
        draw.conserves(fabric, src, dst, router.spread(src, dst))


@pytest.mark.parametrize("rule", ["minimal", "wcmp", "s-mod-k"])
@settings(max_examples=15, deadline=None)
@given(st.integers(2, 10), st.integers(0, 8), st.integers(0, 2**31))
def test_minimal_rules_take_shortest_paths(draw, rule, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    distance = dict(nx.all_pairs_shortest_path_length(fabric.to_networkx()))
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric, rule, seed).paths(src, dst)
    expected = [distance[f"host-{s}"][f"host-{d}"] for s, d in zip(src, dst, strict=True)]
    assert np.diff(routed.indptr).tolist() == expected


# ---------------------------------------------------------------------------------------------------------- wcmp


def two_spines(rates) -> FabricBuilder:
    """Two leaves of one host each; spine i is cabled to leaf 0 at rates[i][0] and to leaf 1 at rates[i][1]."""
    builder = FabricBuilder("two leaves")
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(2)))
    leaves = builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", np.arange(2)))
    spines = builder.add_nodes(NodeKind.SPINE, numbered("spine-{}", np.arange(len(rates))))
    builder.add_cables(hosts, leaves, 1e12, 0)
    for spine, (near, far) in zip(spines, rates, strict=True):
        builder.add_cables([spine, spine], leaves, [near, far], 0)
    return builder


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([(1e11, 1e11), (3e11, 3e11)], [0.25, 0.75]),  # by capacity
        ([(4e11, 1e11), (4e11, 3e11)], [0.25, 0.75]),  # by what is left further on
        ([(2e11, 4e11), (2e11, 4e11)], [0.5, 0.5]),  # by the narrower of the two hops
    ],
)
def test_wcmp_weighs_ports_by_the_bandwidth_that_reaches_the_destination(draw, rates, expected):
    fabric = two_spines(rates).build()
    router = router_for(fabric, "wcmp")
    spread = router.spread([0], [1])
    share = dict(zip(spread.links.tolist(), spread.shares.tolist(), strict=True))
    up = [link for link in share if fabric.label(fabric.link_target[link]).startswith("spine")]
    assert [share[link] for link in sorted(up, key=lambda link: fabric.link_target[link])] == pytest.approx(expected)
    n = 4000
    links = router.paths(np.zeros(n, int), np.ones(n, int), np.arange(n)).links.reshape(n, 4)
    counts = np.array([(fabric.link_target[links[:, 1]] == fabric.node_id(f"spine-{i}")).sum() for i in range(2)])
    due = n * np.array(expected)
    assert ((counts - due) ** 2 / due).sum() < 10.9  # chi-square, one degree of freedom, one in a thousand


# ------------------------------------------------------------------------------------------------- d-mod-k, s-mod-k


@pytest.mark.parametrize("k", [4, 8])
def test_shift_permutations_are_free_of_contention_under_s_mod_k(k):
    """The reverse of a shift is a shift, and s-mod-k of one is d-mod-k of the other (Zahavi 2010)."""
    fabric = load("fat_tree", k=k)
    router, ranks = router_for(fabric, "s-mod-k"), np.arange(fabric.ranks)
    for shift in range(1, fabric.ranks):
        assert np.bincount(router.paths(ranks, (ranks + shift) % fabric.ranks).links).max() == 1


def test_s_mod_k_climbs_to_one_core_per_source():
    fabric = load("fat_tree", k=8)
    far = np.arange(16, fabric.ranks)  # beyond pod 0
    links = router_for(fabric, "s-mod-k").paths(np.full(len(far), 5), far).links.reshape(len(far), 6)
    assert len(np.unique(links[:, 2])) == 1
    assert fabric.port[links[0, 1:3]].tolist() == [4 + 5 % 4 + 1, 4 + 5 // 4 + 1]  # up ports follow the 4 down ports


# ---------------------------------------------------------------------------------------------------------- updn


@pytest.mark.parametrize("rule", ["updn", "minimal", "d-mod-k"])
@settings(max_examples=15, deadline=None)
@given(st.integers(2, 12), st.integers(0, 12), st.integers(0, 2**31))
def test_what_forwarding_tables_hold_leaves_a_switch_by_one_port_per_destination(draw, rule, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    src, dst = draw.all_pairs(fabric)
    port: dict[tuple[int, int], int] = {}
    for d, links in zip(dst, draw.paths_of(router_for(fabric, rule).paths(src, dst)), strict=True):
        for link in links[1:]:
            assert port.setdefault((fabric.link_source[link], d), link) == link


def test_updn_in_a_tree_rises_tier_by_tier_and_then_falls(draw):
    fabric = load("fat_tree", k=4)
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric, "updn").paths(src, dst)
    shortest = router_for(fabric, "d-mod-k").paths(src, dst)
    assert np.array_equal(routed.indptr, shortest.indptr)
    for links in draw.paths_of(routed):
        tiers = fabric.node_kind[fabric.link_target[links[:-1]]].astype(int)
        top = tiers.argmax()
        assert (np.diff(tiers[: top + 1]) > 0).all()
        assert (np.diff(tiers[top:]) < 0).all()


def test_updn_routes_each_of_several_separate_networks():
    """Rail-only: no path joins two rails, every rail has a root of its own."""
    fabric = load("rail_only", nodes=4, server="hgx-h100")
    src, dst = np.arange(0, 24), np.arange(8, 32)
    assert (np.diff(router_for(fabric, "updn").paths(src, dst).indptr) == 4).all()  # bus, leaf in, leaf out, bus


# ------------------------------------------------------------------------------------------------------- dragonfly


def groups_of(fabric, links) -> list[int]:
    """Groups of the routers along a path."""
    return fabric.column("coord0")[fabric.link_target[links[:-1]]].tolist()


def test_minimal_in_a_dragonfly_is_local_global_local(draw):
    fabric = draw.dragonfly(2, 4, 2)
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric, "minimal").paths(src, dst)
    for links, lanes in zip(draw.paths_of(routed), draw.lanes_of(routed), strict=True):
        groups = groups_of(fabric, links)
        changes = [a != b for a, b in itertools.pairwise(groups)]
        assert sum(changes) == (groups[0] != groups[-1])  # one global link between groups, none inside
        assert len(changes) <= 1 + 2 * (groups[0] != groups[-1])
        assert lanes[1:-1].tolist() == [sum(changes[:i]) for i in range(len(changes))]


def test_minimal_in_a_dragonfly_puts_a_whole_group_on_one_global_link(draw):
    """All a*p hosts of a group to the next group: one cable carries them all (Kim et al. 2008, section 4.1)."""
    p, a, h = 2, 4, 2
    fabric = draw.dragonfly(p, a, h)
    src = np.arange(fabric.ranks)
    dst = (src + a * p) % fabric.ranks
    links = router_for(fabric, "minimal").paths(src, dst).links
    assert np.bincount(links[crossing(fabric)[links]]).max() == a * p


def crossing(fabric) -> np.ndarray:
    group = fabric.column("coord0")
    return (group[fabric.link_source] != group[fabric.link_target]) & (group[fabric.link_source] >= 0) & (
        group[fabric.link_target] >= 0
    )  # fmt: skip


def test_valiant_levels_the_worst_pattern_of_a_dragonfly(draw):
    """Of a group's a*p flows one g-th goes by way of each group, so every global link carries a*p/g on its way out and
    a*p/g on its way in."""
    p, a, h = 2, 4, 2
    fabric = draw.dragonfly(p, a, h)
    src = np.arange(fabric.ranks)
    spread = router_for(fabric, "valiant").spread(src, (src + a * p) % fabric.ranks)
    load_of = np.bincount(spread.links, weights=spread.shares, minlength=fabric.links)
    assert load_of[crossing(fabric)] == pytest.approx(2 * a * p / (a * h + 1))


def test_valiant_in_a_dragonfly_crosses_two_global_links_at_most_by_way_of_any_group(draw):
    fabric = draw.dragonfly(1, 4, 2)
    n = 500
    routed = router_for(fabric, "valiant").paths(np.zeros(n, int), np.full(n, 5), np.arange(n))
    ways = set()
    for links, lanes in zip(draw.paths_of(routed), draw.lanes_of(routed), strict=True):
        changes = [a != b for a, b in itertools.pairwise(groups_of(fabric, links))]
        assert lanes[1:-1].tolist() == [sum(changes[:i]) for i in range(len(changes))]
        ways.add(tuple(group for group, _ in itertools.groupby(groups_of(fabric, links))))
    assert ways == {(0, 1)} | {(0, way, 1) for way in range(2, 9)}


def test_valiant_draws_its_waypoint_by_seed_and_entropy(draw):
    fabric = draw.grid("torus", (4, 4))
    src, dst, entropy = np.zeros(200, int), np.ones(200, int), np.arange(200)
    one, again, other = (router_for(fabric, "valiant", seed).paths(src, dst, entropy) for seed in (1, 1, 2))
    assert np.array_equal(one.links, again.links)
    assert not np.array_equal(one.indptr, other.indptr)


# --------------------------------------------------------------------------------------------------------------- dor


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["torus", "mesh", "hyperx"]),
    st.lists(st.integers(1, 5), min_size=1, max_size=3).filter(lambda dims: np.prod(dims) > 1),
)
def test_dor_finishes_one_dimension_before_the_next_over_the_shorter_way(draw, family, dims):
    fabric = draw.grid(family, tuple(dims))
    at = np.column_stack([fabric.column(f"coord{d}") for d in range(len(dims))])[fabric.of_kind(NodeKind.SWITCH)]
    number = fabric.link_target - fabric.of_kind(NodeKind.SWITCH)[0]
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric, "dor").paths(src, dst)
    draw.joins(fabric, src, dst, routed)
    for s, d, links in zip(src, dst, draw.paths_of(routed), strict=True):
        places = at[number[links[:-1]]]
        turned = [int(np.flatnonzero(a != b)[0]) for a, b in itertools.pairwise(places)]
        assert turned == sorted(turned)
        apart = np.abs(at[s].astype(int) - at[d])
        if family == "torus":
            apart = np.minimum(apart, np.array(dims) - apart)
        elif family == "hyperx":
            apart = np.minimum(apart, 1)
        assert len(turned) == apart.sum()


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_dor_changes_to_the_second_lane_behind_the_dateline_of_each_ring(draw, size):
    fabric = draw.grid("torus", (size, size))
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric, "dor").paths(src, dst)
    seen = set()
    for links, lanes in zip(draw.paths_of(routed), draw.lanes_of(routed), strict=True):
        lane, dimension = 0, -1
        for link, found in zip(links[1:-1], lanes[1:-1], strict=True):
            ends = [[int(fabric.column(f"coord{d}")[node]) for d in (0, 1)] for node in
                    (fabric.link_source[link], fabric.link_target[link])]  # fmt: skip
            along = 0 if ends[0][0] != ends[1][0] else 1
            lane, dimension = (lane, dimension) if along == dimension else (0, along)
            assert found == lane
            lane = 1 if {ends[0][along], ends[1][along]} == {0, size - 1} else lane
            seen.add(int(found))
    assert seen == ({0} if size == 3 else {0, 1})


def test_dor_goes_both_ways_round_when_they_are_alike(draw):
    fabric = draw.grid("torus", (4,))
    spread = router_for(fabric, "dor").spread([0], [2])
    assert sorted(spread.shares) == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    halves = [router_for(fabric, "dor").paths([s], [(s + 2) % 4]).links[1] for s in range(4)]
    ahead = [fabric.link_target[link] == fabric.node_id(f"switch-{(s + 1) % 4}") for s, link in enumerate(halves)]
    assert ahead == [True, False, True, False]


def test_dor_refuses_what_is_no_grid(draw):
    with pytest.raises(RoutingError, match="needs a coordinate of every switch"):
        router_for(draw.random_graph(4, 2, 1), "dor")
    with pytest.raises(RoutingError, match="does not run along one dimension"):
        router_for(load("torus", dims="2x4", twist=2), "dor")


def test_dor_does_not_go_round_a_missing_cable(draw):
    full = draw.grid("mesh", (2, 2))
    builder = FabricBuilder("three sides")
    ids = builder.add_nodes(
        NodeKind.SWITCH, numbered("switch-{}", np.arange(4)), coord0=[0, 0, 1, 1], coord1=[0, 1, 0, 1]
    )
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(4)))
    builder.add_cables(hosts, ids, 1e11, 0)
    builder.add_cables(ids[[0, 0, 1]], ids[[1, 2, 3]], 1e11, 0)
    assert len(router_for(full, "dor").paths([2], [3]).links) == 3
    with pytest.raises(RoutingError, match="no path from host-2 to host-3"):
        router_for(builder.build(), "dor").paths([2], [3])


# ----------------------------------------------------------------------------------------- servers that need no switch


def test_ranks_with_cables_between_them_use_those(draw):
    builder = FabricBuilder("mesh of three")
    gpus = builder.add_nodes(NodeKind.ACCELERATOR, numbered("gpu-0-{}", np.arange(3)), server=0)
    builder.add_cables(gpus[[0, 0, 1, 1]], gpus[[1, 2, 2, 2]], 5e11, 0, LinkKind.XGMI)
    fabric = builder.build()
    for rule in ("ecmp", "d-mod-k"):
        routed = router_for(fabric, rule).paths([0, 2, 1], [1, 0, 2], [0, 1, 2])
        assert np.diff(routed.indptr).tolist() == [1, 1, 1]
        draw.joins(fabric, [0, 2, 1], [1, 0, 2], routed)
    spread = router_for(fabric, "ecmp").spread([0, 1], [1, 2])
    assert spread.shares.tolist() == [1.0, 0.5, 0.5]
    many = router_for(fabric, "ecmp").paths(np.full(100, 1), np.full(100, 2), np.arange(100))
    assert len(np.unique(many.links)) == 2


def test_servers_of_bcube_forward_for_others(draw):
    """BCube(n, 1): two hops to a server on a common switch, four by way of another server (Guo et al. 2009)."""
    n = 3
    fabric = draw.bcube(n)
    src, dst = draw.all_pairs(fabric)
    routed = router_for(fabric).paths(src, dst)
    common = (src // n == dst // n) | (src % n == dst % n)
    assert np.diff(routed.indptr).tolist() == np.where(common, 2, 4).tolist()


# -------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("family", "fields", "rule"),
    [
        ("fat_tree", {"k": 4}, "d-mod-k"),
        ("rail_optimized", {"nodes": 4, "server": "hgx-h100"}, "d-mod-k"),
        ("dragonfly", {"p": 1, "a": 2, "h": 1}, "minimal"),
        ("slim_fly", {"q": 5}, "minimal"),
        ("torus", {"dims": "3x3"}, "dor"),
        ("torus", {"dims": "2x4", "twist": 2}, "minimal"),
        ("mesh", {"dims": "3x3"}, "dor"),
        ("hyperx", {"dims": "3x3", "hosts": 1}, "dor"),
        ("jellyfish", {"switches": 8, "radix": 4, "degree": 3}, "updn"),
        ("bcube", {"n": 2, "k": 1}, "minimal"),
    ],
)
def test_the_rule_that_suits_each_family(family, fields, rule):
    assert static_rule(load(family, **fields)) == rule


def test_ethernet_hashes_unless_told(draw):
    fabric = load("torus", dims="4x4", network="roce")
    ecmp = router_for(fabric, "ecmp").paths([0] * 50, [10] * 50, np.arange(50))
    assert np.array_equal(router_for(fabric).paths([0] * 50, [10] * 50, np.arange(50)).links, ecmp.links)


def test_an_unknown_rule_names_tables_too():
    with pytest.raises(UnknownNameError, match="table:FILE"):
        router_for(load("fat_tree", k=4), "zzzzz")
    assert "table:FILE" not in ROUTING_RULES
