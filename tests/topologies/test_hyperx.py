"""HyperX against products of complete graphs and its formulas; the full mesh as its one-dimensional case."""

from functools import reduce
from math import prod

import networkx as nx
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.topologies import full_mesh, hyperx


@pytest.mark.parametrize("dims", [(4,), (3, 4), (2, 2, 2), (3, 2, 4), (2, 3, 2, 2)])
def test_it_is_a_product_of_complete_graphs(dims, switch_graph):
    """networkx nests the pairs of its product; flattened they are coordinates."""
    theirs = reduce(nx.cartesian_product, (nx.complete_graph(size) for size in dims))

    def flat(node):
        return flat(node[0]) + flat(node[1]) if isinstance(node, tuple) else [node]

    names = {node: "switch-" + "-".join(map(str, flat(node))) for node in theirs}
    expected = sorted(sorted(edge) for edge in nx.relabel_nodes(theirs, names).edges())
    assert sorted(sorted(edge) for edge in switch_graph(hyperx(dims=list(dims), hosts=1)).edges()) == expected


@pytest.mark.parametrize(
    ("dims", "hosts", "endpoints", "radix", "cables"),
    [
        ("8x8", 8, 512, 22, 448),
        ("16,16", 16, 4096, 46, 3840),
        ("4", 2, 8, 5, 6),
        ("2x2x2", 1, 8, 4, 12),
        ("5x4x3", 6, 360, 15, 270),
    ],
)
def test_counts_follow_the_formulas(dims, hosts, endpoints, radix, cables):
    """Ahn et al., SC 2009: radix T + sum(S_i - 1), prod(S) * sum(S_i - 1) / 2 cables."""
    fabric = hyperx(dims=dims, hosts=hosts)
    switches = fabric.of_kind(NodeKind.SWITCH)
    assert fabric.ranks == endpoints == hosts * len(switches)
    assert set(fabric.column("radix")[switches].tolist()) == {radix}
    assert fabric.cables - fabric.ranks == cables


@pytest.mark.parametrize("dims", [(3, 4), (2, 2, 2), (5,)])
def test_the_diameter_is_the_number_of_dimensions(dims, switch_graph):
    assert nx.diameter(switch_graph(hyperx(dims=list(dims)))) == len(dims)


def test_by_default_a_switch_has_as_many_hosts_as_the_shortest_dimension():
    assert hyperx(dims="4x6").ranks == 4 * prod((4, 6))


@pytest.mark.parametrize("size", [2, 3, 5, 8, 13])
def test_a_full_mesh_of_switches_is_the_complete_graph(size, switch_graph):
    fabric = full_mesh(switches=size, hosts=3)
    assert nx.is_isomorphic(nx.Graph(switch_graph(fabric)), nx.complete_graph(size))
    assert (fabric.ranks, fabric.cables) == (3 * size, 3 * size + size * (size - 1) // 2)


@pytest.mark.parametrize(("server", "link_gbps"), [("mi300x", 512), ("mi325x", 512), ("mi355x", 612)])
def test_instinct_servers_are_meshes_of_eight_accelerators(server, link_gbps):
    """Seven xGMI links each: 64 and 76.5 GB/s per direction."""
    fabric = full_mesh(server=server)
    assert (fabric.ranks, fabric.cables) == (8, 28)
    assert set(fabric.link_kind.tolist()) == {LinkKind.XGMI}
    assert set(fabric.capacity_bps.tolist()) == {link_gbps * 1e9}


def test_a_mesh_of_accelerators_needs_no_server():
    fabric = full_mesh(accelerators=4, link="100GBps")
    assert (fabric.ranks, fabric.cables, fabric.capacity_bps[0]) == (4, 6, 800e9)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "give switches, accelerators or server"),
        ({"switches": 4, "accelerators": 4}, "leave accelerators out"),
        ({"server": "hgx-h100"}, "by NVSwitches.*nvlink_domain"),
        ({"switches": 100000}, "cables"),
    ],
)
def test_impossible_meshes_are_refused(fields, words):
    with pytest.raises(SpecError, match=words):
        full_mesh(**fields)
