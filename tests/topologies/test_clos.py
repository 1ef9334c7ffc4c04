"""Folded Clos and XGFT against their formulas, published counts and constructions by networkx and by definition."""

from itertools import product
from math import prod

import networkx as nx
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.topologies import clos, fat_tree, xgft
from hypothesis import given, settings
from hypothesis import strategies as st


def tiers(fabric) -> list[int]:
    counts = (len(fabric.of_kind(kind)) for kind in (NodeKind.LEAF, NodeKind.AGG, NodeKind.SPINE, NodeKind.CORE))
    return [count for count in counts if count]


@pytest.mark.parametrize(
    ("radix", "hosts"), [(32, 512), (36, 648), (40, 800), (64, 2048), (128, 8192), (144, 10368), (512, 131072)]
)
def test_two_tiers_carry_half_the_square_of_the_radix(radix, hosts):
    """R^2/2 hosts, R leaves, R/2 spines, R^2/2 cables between them; at R = 64 the row FT2 of DeepSeek's table 3."""
    fabric = clos(radix=radix)
    assert fabric.ranks == hosts == radix**2 // 2
    assert tiers(fabric) == [radix, radix // 2]
    assert fabric.cables - fabric.ranks == radix**2 // 2


@pytest.mark.parametrize("radix", [4, 6, 8, 16, 36])
def test_three_full_tiers_are_the_fat_tree(radix):
    fabric, tree = clos(radix=radix, tiers=3), fat_tree(k=radix)
    assert (fabric.ranks, fabric.cables, tiers(fabric)) == (tree.ranks, tree.cables, tiers(tree))
    for column in ("link_source", "link_target", "port", "latency_ns"):
        assert (getattr(fabric, column) == getattr(tree, column)).all()


def test_deepseeks_three_tiers_have_their_published_switches_and_cables():
    """ISCA 2025, table 3, row FT3: 65,536 endpoints, 5,120 switches, 131,072 cables between switches."""
    fabric = clos(radix=64, hosts=65536)
    assert (fabric.ranks, sum(tiers(fabric)), fabric.cables - fabric.ranks) == (65536, 5120, 131072)


@pytest.mark.parametrize("radix", [4, 8, 10])
def test_two_tiers_are_complete_bipartite(radix, switch_graph):
    graph = switch_graph(clos(radix=radix))
    assert nx.is_isomorphic(nx.Graph(graph), nx.complete_bipartite_graph(radix, radix // 2))


@pytest.mark.parametrize(
    ("radix", "ratio", "down", "up"),
    [(64, "1:1", 32, 32), (64, "3:1", 48, 16), (36, "2:1", 24, 12), (32, "7:1", 28, 4), (64, "1.5:1", 38, 26)],
)
def test_a_leaf_has_as_many_hosts_as_its_oversubscription_allows(radix, ratio, down, up):
    """R*o/(1 + o) ports down, rounded down."""
    fabric = clos(radix=radix, hosts=2 * down, oversubscription=ratio, tiers=2)
    assert tiers(fabric)[0] == 2
    leaf = fabric.of_kind(NodeKind.LEAF)[0]
    assert len(fabric.out_links(leaf)) == down + up
    assert (fabric.column("span")[leaf]) == down


def test_both_tiers_taper():
    """Radix 64 at 3:1 and 3:1: 48 ports down, 16 up at each; 48 leaves per pod, 64 pods."""
    fabric = clos(radix=64, tiers=3, oversubscription="3:1,3:1")
    assert fabric.ranks == 64 * 48 * 48
    assert tiers(fabric) == [64 * 48, 64 * 16, 16 * 16]
    assert fabric.cables == fabric.ranks + 64 * 48 * 16 + 64 * 16 * 16


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(4, 16),
    st.sampled_from([None, 2, 3]),
    st.lists(st.sampled_from([1, 1.5, 2, 3]), min_size=1, max_size=2),
)
def test_whatever_is_built_is_a_tree_within_its_radix_and_ratios(assert_tree, assert_ports, hosts, radix, deep, ratios):
    if deep != 3:
        ratios = ratios[:1] if deep == 2 or hosts > radix else [1]
    fabric = clos(hosts=min(hosts, radix * (radix // 2)), radix=radix, tiers=deep, oversubscription=ratios)
    hosts = fabric.ranks
    assert_tree(fabric)
    assert_ports(fabric)
    assert fabric.ranks == hosts
    level = fabric.column("level")
    for tier, ratio in zip(range(1, int(level.max())), [*ratios, 1], strict=False):
        rises = (level[fabric.link_source] == tier) & (level[fabric.link_target] == tier + 1)
        falls = (level[fabric.link_source] == tier) & (level[fabric.link_target] == tier - 1)
        assert rises.sum() * ratio >= falls.sum()


def test_a_small_cluster_is_one_switch():
    fabric = clos(hosts=48, radix=64)
    assert tiers(fabric) == [1]
    assert fabric.cables == 48


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hosts": 2049, "radix": 64, "tiers": 2}, r"2049 hosts take 65 leaves.*hosts=2048, tiers=3 or radix=6[56]"),
        ({"hosts": 70000, "radix": 64}, r"70000 hosts take 69 pods.*hosts=65536 or radix=6[56]"),
        ({"hosts": 100, "radix": 64, "tiers": 2, "oversubscription": "2,2"}, "upper of two tiers"),
        ({"hosts": 100, "radix": 64, "server": "hgx-h100"}, "100 host ports.*hosts=96 or hosts=104"),
        ({"hosts": 2**25, "radix": 4096, "oversubscription": "0.5"}, "oversubscription"),
        ({"hosts": 2**26}, "hosts"),
    ],
)
def test_impossible_trees_are_refused_with_the_nearest(fields, words):
    with pytest.raises(SpecError, match=words):
        clos(**fields)


def by_labels(m, w) -> nx.Graph:
    """Ohring et al. 1995: a node of level i is (a_h..a_(i+1), b_i..b_1); its parents replace a_(i+1) by any b_(i+1)."""
    levels, graph = len(m), nx.Graph()
    for level in range(levels):
        lower = product(*(range(size) for size in [*m[level:][::-1], *w[:level][::-1]]))
        for label in lower:
            above, below = label[: levels - level - 1], label[levels - level :]
            graph.add_edges_from(((level, label), (level + 1, (*above, b, *below))) for b in range(w[level]))
    nx.set_node_attributes(graph, {node: node[0] for node in graph}, "level")
    return graph


@pytest.mark.parametrize(
    ("m", "w"),
    [
        ((3, 4), (1, 2)),
        ((2, 2, 2), (1, 2, 2)),
        ((2, 3), (2, 2)),
        ((2, 2, 2, 2), (1, 2, 1, 2)),
        ((4,), (3,)),
        ((3, 2, 2), (2, 1, 3)),
    ],
)
def test_xgft_is_that_of_its_labels(m, w, assert_tree):
    fabric = xgft(m=m, w=w)
    ours = nx.Graph(fabric.to_networkx())
    assert nx.is_isomorphic(ours, by_labels(m, w), node_match=lambda a, b: a["level"] == b["level"])
    if w[0] == 1:
        assert_tree(fabric)


@pytest.mark.parametrize(
    ("m", "w", "nodes", "cables"),
    [
        ("4,4,8", "1,4,4", [128, 32, 32, 16], [128, 128, 128]),
        ("18,36", "1,18", [648, 36, 18], [648, 648]),
        ("8,8", "1,4", [64, 8, 4], [64, 32]),
        ("2,4,4", "1,2,2", [32, 16, 8, 4], [32, 32, 16]),
        ("16", "1", [16, 1], [16]),
    ],
)
def test_xgft_counts_follow_the_formulas(m, w, nodes, cables):
    fabric = xgft(m=m, w=w)
    level = fabric.column("level")
    assert [int((level == tier).sum()) for tier in range(len(nodes))] == nodes
    assert fabric.cables == sum(cables)
    for tier, count in enumerate(cables):
        assert int(((level[fabric.link_source] == tier) & (level[fabric.link_target] == tier + 1)).sum()) == count


def test_xgft_reads_h_beside_its_numbers():
    assert xgft(h=2, m="4,4", w="1,2").ranks == prod((4, 4))
    with pytest.raises(SpecError, match="2 numbers in m and 3 in w"):
        xgft(m="4,4", w="1,2,2")
    with pytest.raises(SpecError, match="for 3 levels"):
        xgft(h=3, m="4,4", w="1,2")


def test_xgft_takes_servers(assert_tree):
    fabric = xgft(m="8,4", w="1,8", server="hgx-h100")
    assert_tree(fabric)
    assert fabric.ranks == 32
