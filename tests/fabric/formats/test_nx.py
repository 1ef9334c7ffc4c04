"""Graphs of networkx as networks: plain ones are read, each broken rule is named."""

import networkx as nx
import pytest
from fabricsim.fabric.errors import FabricError
from fabricsim.fabric.graph import Fabric, LinkKind, NodeKind


def star(graph=None, **edge):
    """Hosts 0 and 1 on switch s."""
    graph = nx.Graph() if graph is None else graph
    graph.add_nodes_from([0, 1], kind="host")
    graph.add_node("s", kind="switch")
    graph.add_edges_from([(0, "s"), (1, "s")], **{"capacity_bps": 1e9, "latency_ns": 5} | edge)
    return graph


def test_an_undirected_edge_is_a_cable():
    fabric = Fabric.from_networkx(star())
    assert (fabric.nodes, fabric.cables, fabric.ranks) == (3, 2, 2)
    assert fabric.capacity_bps.tolist() == [1e9] * 4
    assert fabric.latency_ns.tolist() == [5] * 4
    assert [fabric.label(node) for node in fabric.endpoints] == ["0", "1"]


def test_directed_edges_pair_up_each_with_its_own_rate():
    graph = star(nx.DiGraph())
    graph.add_edges_from([("s", 1), ("s", 0)], capacity_bps=2e9)
    fabric = Fabric.from_networkx(graph)
    assert fabric.capacity_bps.tolist() == [1e9, 2e9] * 2
    assert fabric.latency_ns.tolist() == [5, 0] * 2


def test_parallel_edges_stay_apart():
    graph = star(nx.MultiGraph())
    graph.add_edge(0, "s", capacity_bps=3e9, kind="nvlink")
    fabric = Fabric.from_networkx(graph)
    assert fabric.cables == 3
    assert sorted(fabric.link_kind.tolist()) == [LinkKind.NETWORK] * 4 + [LinkKind.NVLINK] * 2


def test_columns_ports_and_endpoints_are_taken_over():
    graph = star(source_port=7, target_port=-1)
    graph.nodes[0]["guid"] = "0xffffffffffffffff"
    graph.nodes[1]["description"] = "second"
    graph.graph["endpoints"] = ["1"]
    fabric = Fabric.from_networkx(graph)
    assert fabric.column("guid").tolist() == [2**64 - 1, 0, 0]
    assert fabric.column("description").tolist() == [b"", b"second", b""]
    assert fabric.port[::2].tolist() == [7, 7]
    assert fabric.endpoints.tolist() == [1]


def test_every_kind_of_node_and_link_keeps_its_kind():
    graph = nx.Graph()
    for kind in NodeKind:
        graph.add_node(kind.name, kind=kind.name.lower())
    for kind in LinkKind:
        graph.add_edge("HOST", list(NodeKind)[kind.value + 4].name, kind=kind.name.lower(), capacity_bps=1)
    fabric = Fabric.from_networkx(graph)
    assert fabric.node_kind.tolist() == list(NodeKind)
    assert sorted(fabric.link_kind[::2].tolist()) == list(LinkKind)


def directed(graph):
    graph = graph.to_directed()
    graph.remove_edge("s", 0)
    return graph


def numbered(*numbers):
    graph = star(nx.MultiDiGraph())
    graph.add_edges_from([("s", 0), ("s", 1)], capacity_bps=1e9)
    for edge, number in zip(graph.edges(data=True), numbers, strict=True):
        edge[2]["link"] = number
    return graph


def changed(**attributes):
    graph = star()
    graph.nodes[0].update(attributes)
    return graph


def of_the_graph(**attributes):
    graph = star()
    graph.graph.update(attributes)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(kind="router"), "has kind 'router'"),
        (changed(kind=["host"]), r"has kind \['host'\]"),
        (changed(lid="many"), "has lid 'many'"),
        (changed(lid=2**31), "has lid"),
        (changed(lid=1.5), "has lid"),
        (changed(lid=float("nan")), "has lid"),
        (changed(guid="0xg"), "has guid"),
        (changed(guid=-1), "has guid"),
        (changed(description=5), "has description"),
        (changed(description="\ud800"), "has description"),
        (star(capacity_bps=None), "has capacity_bps None"),
        (star(capacity_bps=True), "has capacity_bps True"),
        (star(capacity_bps="1Gbps"), "has capacity_bps '1Gbps'"),
        (star(capacity_bps=10**400), "has capacity_bps"),
        (star(capacity_bps=float("nan")), "has capacity_bps nan"),
        (star(capacity_bps=1j), "has capacity_bps 1j"),
        (star(capacity_bps=-1), "no positive capacity"),
        (star(latency_ns=0.5), "has latency_ns 0.5"),
        (star(latency_ns=float("inf")), "has latency_ns inf"),
        (star(kind="ethernet"), "has kind 'ethernet'"),
        (star(kind={}), "has kind {}"),
        (star(source_port=2**15), "has source_port"),
        (star(width="2"), "has width '2'"),
        (directed(star()), "0 -> s has no way back"),
        (numbered(0, 1, 2, 3), "are no cable"),
        (of_the_graph(endpoints=["x"]), "endpoint 'x'"),
        (of_the_graph(endpoints=5), "is no list"),
        (of_the_graph(meta="text"), "no plain JSON object"),
        (of_the_graph(meta={"x": object()}), "no plain JSON object"),
        (of_the_graph(meta={"x": float("nan")}), "no plain JSON object"),
        (nx.relabel_nodes(star(), {0: "1"}), "'1' stands on several nodes"),
        (nx.relabel_nodes(star(), {0: ""}), "no name"),
        (nx.relabel_nodes(star(), {0: "a\0"}), "is no text"),
        (nx.relabel_nodes(star(), {0: "\udc80"}), "is no text"),
    ],
)
def test_a_graph_that_is_no_network_is_refused_by_name(graph, message):
    with pytest.raises(FabricError, match=message):
        Fabric.from_networkx(graph)


def test_links_are_paired_by_their_numbers_where_every_edge_has_one():
    fabric = Fabric.from_networkx(numbered(2, 0, 3, 1))
    assert [fabric.label(node) for node in fabric.link_source] == ["1", "s", "0", "s"]


def test_every_fault_is_named_at_once():
    graph = star(capacity_bps=None)
    graph.graph["endpoints"] = 5
    with pytest.raises(FabricError) as caught:
        Fabric.from_networkx(graph)
    assert len(caught.value.faults) >= 3
