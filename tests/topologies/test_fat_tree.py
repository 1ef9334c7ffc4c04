"""The k-ary fat tree against its formulas and against a construction by networkx (Al-Fares et al., SIGCOMM 2008)."""

import tracemalloc

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import Fabric, LinkKind, NodeKind
from fabricsim.topologies import fat_tree


@pytest.mark.parametrize(
    ("k", "hosts", "switches", "cables"),
    [(4, 16, 20, 48), (8, 128, 80, 384), (16, 1024, 320, 3072), (32, 8192, 1280, 24576), (36, 11664, 1620, 34992)],
)
def test_counts_are_the_published_ones(k, hosts, switches, cables):
    fabric = fat_tree(k=k)
    assert fabric.ranks == hosts == k**3 // 4
    assert fabric.cables == cables == 3 * k**3 // 4
    counts = [len(fabric.of_kind(kind)) for kind in (NodeKind.LEAF, NodeKind.AGG, NodeKind.CORE)]
    assert counts == [k**2 // 2, k**2 // 2, k**2 // 4]
    assert sum(counts) == switches


def by_hand(k: int) -> nx.Graph:
    half = k // 2
    graph = nx.Graph()
    for pod in range(k):
        for edge in range(half):
            graph.add_edges_from((("host", pod, edge, h), ("leaf", pod, edge)) for h in range(half))
            graph.add_edges_from((("leaf", pod, edge), ("agg", pod, a)) for a in range(half))
        for agg in range(half):
            graph.add_edges_from((("agg", pod, agg), ("core", agg * half + c)) for c in range(half))
    nx.set_node_attributes(graph, {node: node[0] for node in graph}, "kind")
    return graph


@pytest.mark.parametrize("k", [2, 4, 6])
def test_it_is_the_graph_of_an_independent_construction(k):
    ours = nx.Graph(fat_tree(k=k).to_networkx())
    assert nx.is_isomorphic(ours, by_hand(k), node_match=lambda a, b: a["kind"] == b["kind"])


@pytest.mark.parametrize("k", [4, 6])
def test_half_of_the_pods_reach_the_other_half_at_full_rate(k):
    graph = nx.DiGraph()
    fabric = fat_tree(k=k, link="100Gbps")
    for source, target in zip(fabric.link_source.tolist(), fabric.link_target.tolist(), strict=True):
        graph.add_edge(source, target, capacity=100)
    for rank, host in enumerate(fabric.endpoints.tolist()):
        graph.add_edge(*(("s", host) if rank < fabric.ranks // 2 else (host, "t")), capacity=100)
    assert nx.maximum_flow_value(graph, "s", "t") == 100 * k**3 // 8


@pytest.mark.parametrize("k", [2, 4, 8])
def test_tree_columns_and_ports_are_regular(k, assert_tree, assert_ports):
    fabric = fat_tree(k=k)
    assert_tree(fabric)
    assert_ports(fabric)
    assert fabric.column("first")[fabric.endpoints].tolist() == list(range(fabric.ranks))


def test_endpoints_run_over_pod_then_edge_switch_then_port():
    fabric = fat_tree(k=4)
    leaf_of = {int(fabric.link_source[c]): fabric.label(int(fabric.link_target[c])) for c in range(0, 2 * 16, 2)}
    leaves = [leaf_of[node] for node in fabric.endpoints.tolist()]
    assert leaves == [f"leaf-{pod}-{edge}" for pod in range(4) for edge in range(2) for _ in range(2)]


def test_a_switch_charges_its_latency_on_the_links_that_leave_it():
    fabric = fat_tree(k=4, hop_latency="500ns", switch_latency="1us")
    from_host = fabric.node_kind[fabric.link_source] == NodeKind.HOST
    assert set(fabric.latency_ns[from_host].tolist()) == {500}
    assert set(fabric.latency_ns[~from_host].tolist()) == {1500}


def test_servers_take_a_host_port_per_adapter(assert_tree):
    fabric = fat_tree(k=8, server="hgx-h100")
    assert_tree(fabric)
    assert fabric.ranks == 128
    assert len(fabric.of_kind(NodeKind.NVSWITCH)) == 128 // 8 * 4
    network = (fabric.link_kind == LinkKind.NETWORK) & (fabric.node_kind[fabric.link_source] == NodeKind.NIC)
    assert np.bincount(fabric.link_source[network])[fabric.of_kind(NodeKind.NIC)].tolist() == [1] * 128


def test_saved_and_through_networkx_it_stays_the_same(tmp_path):
    fabric = fat_tree(k=4, server="hgx-h100")
    fabric.save(tmp_path / "tree.fabric")
    assert Fabric.load(tmp_path / "tree.fabric") == fabric
    assert Fabric.from_networkx(fabric.to_networkx()) == fabric


def test_sixty_five_thousand_hosts_fit_the_memory_they_may_take():
    """At most 60 bytes per directed link kept, and 200 MB while building."""
    tracemalloc.start()
    fabric = fat_tree(k=64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fabric.links == 393_216
    assert fabric.nbytes <= 60 * fabric.links
    assert peak <= 200e6


@pytest.mark.parametrize(("k", "near"), [(3, "k=2 or k=4"), (7, "k=6 or k=8"), (63, "k=62 or k=64")])
def test_odd_k_is_refused_with_its_neighbours(k, near):
    with pytest.raises(SpecError, match=rf"k: half of {k} ports .*{near}"):
        fat_tree(k=k)


def test_host_ports_that_do_not_make_whole_servers_are_refused_with_the_nearest_that_do():
    with pytest.raises(SpecError, match=r"54 host ports .* 8 adapters \(k=4 or k=8\)"):
        fat_tree(k=6, server="hgx-h100")
    assert fat_tree(k=4, server="hgx-h100").ranks == 16


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "k: required"),
        ({"k": 0}, "k: "),
        ({"k": -4}, "k: "),
        ({"k": "four"}, "k: "),
        ({"k": 1000}, "750,000,000 cables"),
        ({"k": 4, "link": "400"}, "link: .*no unit"),
        ({"k": 4, "link": "0Gbps"}, "link: .*above zero"),
        ({"k": 4, "hop_latency": "-5ns"}, "hop_latency: "),
        ({"k": 4, "network": "token-ring"}, "network: "),
        ({"k": 4, "server": "hgx-h10"}, "server: unknown server"),
        ({"k": 4, "hosts": 3}, "hosts: unknown field"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, named):
    with pytest.raises(SpecError, match=named):
        fat_tree(**fields)
