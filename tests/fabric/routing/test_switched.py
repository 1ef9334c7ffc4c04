"""Routing against networkx, conservation, and the closed forms of fat trees."""

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import RoutingError, UnknownNameError
from fabricsim.fabric.graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from fabricsim.fabric.routing import router_for, scale_up
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = ("ecmp", "d-mod-k")


def fat_tree(k: int, tree: bool = True) -> Fabric:
    """A k-ary fat tree drawn by hand (Al-Fares 2008); without tree columns it is just a graph."""
    half, hosts = k // 2, k**3 // 4
    builder = FabricBuilder(f"fat-tree-{k}")

    def coordinates(level, first, span):
        return {"level": level, "first": first, "span": span} if tree else {}

    edge, core = np.arange(k * half), np.arange(half * half)
    host = builder.add_nodes(
        NodeKind.HOST, numbered("host-{}", np.arange(hosts)), **coordinates(0, np.arange(hosts), 1)
    )
    leaf = builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", edge), **coordinates(1, edge * half, half))
    pod_first = edge // half * half * half
    agg = builder.add_nodes(NodeKind.AGG, numbered("agg-{}", edge), **coordinates(2, pod_first, half * half))
    top = builder.add_nodes(NodeKind.CORE, numbered("core-{}", core), **coordinates(3, 0, hosts))
    builder.add_cables(host, leaf[np.arange(hosts) // half], 4e11, 100)
    lower, port = np.divmod(np.arange(k * half * half), half)
    builder.add_cables(leaf[lower], agg[lower // half * half + port], 4e11, 100)
    builder.add_cables(agg[lower], top[lower % half * half + port], 4e11, 100)
    return builder.build()


def two_servers() -> Fabric:
    """Two servers of two GPUs, two NVSwitches (bundles of 1 and 3 links), a NIC per GPU; a leaf per rail, one spine."""
    builder = FabricBuilder("two servers")
    server, local = np.divmod(np.arange(4), 2)
    gpu = builder.add_nodes(NodeKind.ACCELERATOR, numbered("gpu-{}-{}", server, local), server=server)
    nvswitch = builder.add_nodes(NodeKind.NVSWITCH, numbered("nvswitch-{}-{}", server, local), server=server)
    nic = builder.add_nodes(NodeKind.NIC, numbered("nic-{}-{}", server, local), server=server)
    leaf = builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", np.arange(2)))
    spine = builder.add_nodes(NodeKind.SPINE, ["spine-0"])
    for chip, width in ((0, 1), (1, 3)):
        target = nvswitch[server * 2 + chip]
        builder.add_cables(gpu, target, width * 2e11, 0, LinkKind.NVLINK, width=width)
    builder.add_cables(gpu, nic, 5e11, 0, LinkKind.PCIE)
    builder.add_cables(nic, leaf[local], 4e11, 100, rail=local)
    builder.add_cables(leaf, spine[0], 8e11, 100)
    return builder.build()


def walk(fabric: Fabric, links: np.ndarray) -> list[str]:
    """Names along a path; asserts that its links join."""
    assert (fabric.link_target[links[:-1]] == fabric.link_source[links[1:]]).all()
    return [fabric.label(fabric.link_source[links[0]]), *(fabric.label(node) for node in fabric.link_target[links])]


def all_pairs(fabric: Fabric) -> tuple[np.ndarray, np.ndarray]:
    src, dst = np.divmod(np.arange(fabric.ranks**2), fabric.ranks)
    return src[src != dst], dst[src != dst]


def paths_of(routed) -> list[np.ndarray]:
    return [routed.links[a:b] for a, b in itertools.pairwise(routed.indptr)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("tree", [True, False])
def test_every_path_is_a_shortest_path_of_networkx(rule, tree):
    fabric = fat_tree(4, tree)
    distance = dict(nx.all_pairs_shortest_path_length(fabric.to_networkx()))
    src, dst = all_pairs(fabric)
    for s, d, links in zip(src, dst, paths_of(router_for(fabric, rule).paths(src, dst)), strict=True):
        names = walk(fabric, links)
        assert (names[0], names[-1]) == (f"host-{s}", f"host-{d}")
        assert len(links) == distance[names[0]][names[-1]]


@pytest.mark.parametrize("k", [4, 8])
def test_shift_permutations_are_free_of_contention_under_d_mod_k(k):
    """Zahavi 2010: no link of a full tree carries two flows of any shift."""
    fabric = fat_tree(k)
    router, ranks = router_for(fabric, "d-mod-k"), np.arange(fabric.ranks)
    for shift in range(1, fabric.ranks):
        links = router.paths(ranks, (ranks + shift) % fabric.ranks).links
        assert np.bincount(links).max() == 1


def test_d_mod_k_loads_links_as_simgrid_does():
    """The routes SimGrid 4.1 took for a permutation of 128 hosts: equal lengths, equally many links of each load."""
    routes = np.load(Path(__file__).parents[2] / "data" / "simgrid" / "perm128.npz")
    ours = router_for(fat_tree(8), "d-mod-k").paths(routes["src"], routes["dst"])
    assert np.array_equal(np.diff(ours.indptr), np.diff(routes["indptr"]))
    assert np.array_equal(np.bincount(np.bincount(ours.links)), np.bincount(np.bincount(routes["links"])))


@pytest.mark.parametrize("tree", [True, False])
def test_d_mod_k_is_a_forwarding_table(tree):
    """At one switch, towards one destination, every source's path leaves through one port."""
    fabric = fat_tree(4, tree)
    src, dst = all_pairs(fabric)
    port_of: dict[tuple[int, int], int] = {}
    for d, links in zip(dst, paths_of(router_for(fabric, "d-mod-k").paths(src, dst)), strict=True):
        for link in links[1:]:
            assert port_of.setdefault((fabric.link_source[link], d), link) == link


def test_ecmp_takes_every_equal_cost_path_and_follows_entropy_and_seed():
    fabric = fat_tree(8)
    n = 4000
    src, dst, entropy = np.zeros(n, int), np.full(n, fabric.ranks - 1), np.arange(n)
    routed = router_for(fabric, "ecmp", seed=1).paths(src, dst, entropy)
    cores = routed.links.reshape(n, 6)[:, 2]
    counts = np.bincount(cores)[np.unique(cores)]
    assert len(counts) == 16
    expected = n / 16
    assert ((counts - expected) ** 2 / expected).sum() < 37.7  # chi-square, 15 degrees of freedom, one in a thousand
    again = router_for(fabric, "ecmp", seed=1).paths(src, dst, entropy)
    other = router_for(fabric, "ecmp", seed=2).paths(src, dst, entropy)
    assert np.array_equal(routed.links, again.links)
    assert not np.array_equal(routed.links, other.links)


def test_tiers_do_not_polarise():
    """The core port is independent of the leaf port: all 4 x 4 combinations appear about equally often."""
    fabric = fat_tree(8)
    n = 3200
    links = router_for(fabric, "ecmp").paths(np.zeros(n, int), np.full(n, 127), np.arange(n)).links.reshape(n, 6)
    pairs = fabric.port[links[:, 1]] * 100 + fabric.port[links[:, 2]]
    counts = np.unique(pairs, return_counts=True)[1]
    assert len(counts) == 16
    assert counts.min() > 140


@pytest.mark.parametrize("make", [lambda: fat_tree(4), lambda: fat_tree(4, tree=False), two_servers])
def test_a_spread_conserves_flow_from_end_to_end(make):
    fabric = make()
    src, dst = all_pairs(fabric)
    spread = router_for(fabric).spread(src, dst)
    for i, (s, d) in enumerate(zip(src, dst, strict=True)):
        part = slice(spread.indptr[i], spread.indptr[i + 1])
        links, shares = spread.links[part], spread.shares[part]
        assert len(set(links)) == len(links)
        balance = np.zeros(fabric.nodes)
        np.add.at(balance, fabric.link_source[links], -shares)
        np.add.at(balance, fabric.link_target[links], shares)
        expected = np.zeros(fabric.nodes)
        expected[fabric.endpoints[s]], expected[fabric.endpoints[d]] = -1, 1
        assert balance == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tree", [True, False])
def test_a_spread_gives_each_of_the_equal_cost_paths_its_part(tree):
    """Between pods of a k-ary tree: k/2 leaf ports, (k/2)^2 core links, each with an equal part."""
    spread = router_for(fat_tree(8, tree)).spread([0], [127])
    values, counts = np.unique(spread.shares, return_counts=True)
    assert values.tolist() == [1 / 16, 1 / 4, 1]
    assert counts.tolist() == [32, 8, 2]


@pytest.mark.parametrize("rule", RULES)
def test_ranks_of_a_domain_meet_on_its_nvswitches_and_others_on_their_rails(rule):
    fabric = two_servers()
    router = router_for(fabric, rule)
    inside, same_rail, other_rail = paths_of(router.paths([0, 0, 0], [1, 2, 3]))
    assert walk(fabric, inside)[1].startswith("nvswitch-0-")
    assert walk(fabric, same_rail) == ["gpu-0-0", "nic-0-0", "leaf-0", "nic-1-0", "gpu-1-0"]
    assert walk(fabric, other_rail) == ["gpu-0-0", "nic-0-0", "leaf-0", "spine-0", "leaf-1", "nic-1-1", "gpu-1-1"]


def test_a_domain_spreads_by_bundle_width():
    spread = router_for(two_servers()).spread([0], [1])
    assert sorted(spread.shares) == [0.25, 0.25, 0.75, 0.75]


def test_scale_up_lists_each_ranks_bundles():
    up = scale_up(two_servers())
    assert up.indptr.tolist() == [0, 2, 4, 6, 8]
    assert up.widths.tolist() == [1, 3] * 4
    assert up.domain.tolist() == [0, 0, 1, 1]


def test_equal_ranks_need_no_path():
    router = router_for(fat_tree(4))
    assert router.paths([3], [3]).indptr.tolist() == [0, 0]
    assert router.spread([3], [3]).indptr.tolist() == [0, 0]


def split_network() -> Fabric:
    """Two hosts on each of two leaves that nothing joins."""
    builder = FabricBuilder("split")
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(4)))
    leaves = builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", np.arange(2)))
    builder.add_cables(hosts, np.repeat(leaves, 2), 1e11, 0)
    return builder.build()


@pytest.mark.parametrize("ask", ["paths", "spread"])
def test_unreachable_pairs_are_all_named(ask):
    with pytest.raises(RoutingError) as caught:
        getattr(router_for(split_network()), ask)([0, 0, 2, 1], [1, 2, 1, 3])
    assert [fault.message for fault in caught.value.faults] == [
        "no path from host-0 to host-2",
        "no path from host-1 to host-3",
        "no path from host-2 to host-1",
    ]


def test_ranks_outside_the_fabric_are_refused():
    with pytest.raises(RoutingError, match=r"rank 16 is outside 0\.\.15"):
        router_for(fat_tree(4)).paths([0], [16])


def test_an_unknown_rule_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean ecmp"):
        router_for(split_network(), "ecpm")


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**31), st.sampled_from(RULES))
def test_paths_on_any_connected_graph_are_shortest(switches, seed, rule):
    rng = np.random.default_rng(seed)
    builder = FabricBuilder("random")
    ids = builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(switches)))
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(switches)))
    builder.add_cables(hosts, ids, 1e11, 0)
    builder.add_cables(ids[1:], ids[[rng.integers(0, i) for i in range(1, switches)]], 1e11, 0)
    extra = [(a, b) for a, b in rng.integers(0, switches, (switches, 2)) if a != b]
    if extra:
        builder.add_cables(*ids[np.array(extra).T], 1e11, 0)
    fabric = builder.build()
    switch_graph = fabric.to_networkx().subgraph(f"switch-{i}" for i in range(switches))
    distance = dict(nx.all_pairs_shortest_path_length(switch_graph))
    src, dst = all_pairs(fabric)
    for s, d, links in zip(src, dst, paths_of(router_for(fabric, rule, seed).paths(src, dst)), strict=True):
        names = walk(fabric, links)
        assert (names[0], names[-1]) == (f"host-{s}", f"host-{d}")
        assert len(links) == distance[f"switch-{s}"][f"switch-{d}"] + 2
        inner = fabric.link_target[links[:-1]]
        assert np.isin(fabric.node_kind[inner], SWITCH_KINDS).all()
