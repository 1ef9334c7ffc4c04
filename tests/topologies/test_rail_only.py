"""Rail-only and multi-plane clusters: networks side by side, counted by formula and by published tables."""

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import SWITCH_KINDS, LinkKind, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.topologies import clos, multi_plane, rail_only


def switches(fabric) -> int:
    return len(fabric.of_kind(*SWITCH_KINDS))


def between_switches(fabric) -> int:
    both = np.isin(fabric.node_kind[fabric.link_source], SWITCH_KINDS)
    return int((both & np.isin(fabric.node_kind[fabric.link_target], SWITCH_KINDS)).sum()) // 2


@pytest.mark.parametrize("nodes", [2, 8, 16, 48, 64])
def test_one_switch_per_rail_while_its_ports_last(nodes):
    """Wang et al., HOTI 2024: switch j joins accelerator j of every server."""
    fabric = rail_only(nodes=nodes)
    assert switches(fabric) == 8
    for rail, leaf in enumerate(fabric.of_kind(NodeKind.LEAF).tolist()):
        below = {fabric.label(int(node)) for node in fabric.link_target[fabric.out_links(leaf)]}
        assert below == {f"nic-{node}-{rail}" for node in range(nodes)}


@pytest.mark.parametrize(("nodes", "leaves", "spines"), [(96, 3, 2), (128, 4, 2), (256, 8, 4), (320, 10, 8)])
def test_a_larger_rail_is_a_tree_of_its_own(nodes, leaves, spines, assert_tree, switch_graph):
    """Per rail N/(R/2) leaves, and half as many spines or the next divisor of the 32 cables up."""
    fabric = rail_only(nodes=nodes)
    assert_tree(fabric)
    assert len(fabric.of_kind(NodeKind.LEAF)) == 8 * leaves
    assert len(fabric.of_kind(NodeKind.SPINE)) == 8 * spines
    assert nx.number_connected_components(nx.Graph(switch_graph(fabric))) == 8


def test_rails_meet_inside_servers_only():
    fabric = rail_only(nodes=40, radix=16)
    routes = router_for(fabric, "d-mod-k")
    same_rail = routes.paths([3], [8 * 39 + 3])
    assert set(fabric.rail[same_rail.links].tolist()) == {3}
    network = fabric.link_kind == LinkKind.NETWORK
    ends = fabric.column("first")
    rail_of = np.full(fabric.nodes, -1)
    for leaf in fabric.of_kind(NodeKind.LEAF).tolist():
        rail_of[fabric.link_target[fabric.out_links(leaf)]] = ends[leaf] // 40
    nics = fabric.of_kind(NodeKind.NIC)
    assert network.any()
    assert all(fabric.label(int(nic)).endswith(f"-{rail_of[nic]}") for nic in nics)


def test_racks_have_a_rail_per_adapter_of_a_tray():
    fabric = rail_only(server="gb200-nvl72", nodes=2)
    assert switches(fabric) == 4
    assert fabric.ranks == 144


def test_deepseeks_multi_plane_has_its_published_switches_and_cables():
    """ISCA 2025, table 3, row MPFT: 16,384 adapters on 8 planes, 768 switches, 16,384 cables between switches."""
    fabric = multi_plane(planes=8, radix=64)
    assert len(fabric.of_kind(NodeKind.NIC)) == fabric.ranks == 16384
    assert (switches(fabric), between_switches(fabric)) == (768, 16384)


@pytest.mark.parametrize(("planes", "radix"), [(2, 8), (4, 8), (8, 8), (4, 16), (1, 16)])
@pytest.mark.parametrize("split", ["nics", "ports"])
def test_planes_are_disjoint_and_each_is_the_tree_alone(planes, radix, split, switch_graph):
    fabric, alone = multi_plane(planes=planes, radix=radix, split=split), clos(radix=radix)
    assert switches(fabric) == planes * switches(alone)
    graph = nx.Graph(switch_graph(fabric))
    parts = [graph.subgraph(part) for part in nx.connected_components(graph)]
    assert len(parts) == planes
    assert all(nx.is_isomorphic(part, nx.Graph(switch_graph(alone))) for part in parts)
    assert set(fabric.plane[fabric.link_kind == LinkKind.NETWORK].tolist()) == set(range(planes))


def test_split_adapters_are_on_the_plane_of_their_number():
    fabric = multi_plane(planes=4, radix=8)
    for nic in fabric.of_kind(NodeKind.NIC).tolist():
        (link,) = (link for link in fabric.out_links(nic).tolist() if fabric.link_kind[link] == LinkKind.NETWORK)
        assert fabric.plane[link] == int(fabric.label(nic).split("-")[-1]) % 4


def test_split_ports_give_every_host_a_port_in_each_plane():
    """Radix R at a P-th of the rate: R^2/2 hosts whatever P is, and P cables on each."""
    fabric = multi_plane(planes=4, radix=16, split="ports", link="100Gbps")
    assert fabric.ranks == 128
    for host in fabric.endpoints.tolist():
        assert fabric.plane[fabric.out_links(host)].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("rule", ["d-mod-k", "ecmp"])
def test_a_transfer_stays_on_its_plane(rule):
    fabric = multi_plane(planes=2, radix=6, split="ports")
    src, dst = (side.ravel() for side in np.indices((fabric.ranks, fabric.ranks)))
    apart = src != dst
    paths = router_for(fabric, rule).paths(src[apart], dst[apart], np.arange(apart.sum(), dtype=np.uint64))
    for start, stop in zip(paths.indptr[:-1], paths.indptr[1:], strict=True):
        assert len(set(fabric.plane[paths.links[start:stop]].tolist())) == 1


def test_accelerators_on_different_planes_are_not_joined_by_switches():
    fabric = multi_plane(planes=8, radix=8)
    network = fabric.link_kind == LinkKind.NETWORK
    graph = nx.Graph(zip(fabric.link_source[network].tolist(), fabric.link_target[network].tolist(), strict=True))
    assert nx.number_connected_components(graph) == 8


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"planes": 3}, "8 adapters of hgx-h100 .*planes=2 or planes=4"),
        ({"planes": 65}, "planes"),
        ({"planes": 2, "hosts": 33, "radix": 16}, "33 ports of a plane.*hosts=32 or hosts=36"),
        ({"planes": 2, "split": "ports", "server": "hgx-h100", "hosts": 33, "radix": 16}, "33 host ports.*hosts=32"),
        ({"planes": 4, "split": "rails"}, "split"),
    ],
)
def test_impossible_planes_are_refused_with_the_nearest(fields, words):
    with pytest.raises(SpecError, match=words):
        multi_plane(**fields)
