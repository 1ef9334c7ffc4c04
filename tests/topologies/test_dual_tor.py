"""Dual-ToR, dual-plane pods against the published Alibaba HPN (Qian et al., SIGCOMM 2024)."""

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.topologies import dual_tor


def test_a_segment_of_hpn_has_1024_accelerators_on_16_leaves():
    fabric = dual_tor(nodes=128, uplinks=60)
    assert (fabric.ranks, len(fabric.of_kind(NodeKind.LEAF))) == (1024, 16)
    leaf = fabric.out_links(int(fabric.of_kind(NodeKind.LEAF)[0]))
    down = fabric.node_kind[fabric.link_target[leaf]] == NodeKind.NIC
    assert (down.sum(), (~down).sum()) == (128, 60)
    assert set(fabric.capacity_bps[leaf[down]].tolist()) == {200e9}
    assert set(fabric.capacity_bps[leaf[~down]].tolist()) == {400e9}


def test_a_pod_of_hpn_has_15360_accelerators_on_two_planes(switch_graph):
    """15 segments, 240 leaves, 60 aggregation switches per plane with a cable to each of 120 leaves."""
    fabric = dual_tor(nodes=1920, uplinks=60)
    assert (fabric.ranks, len(fabric.of_kind(NodeKind.LEAF))) == (15360, 240)
    spines = fabric.of_kind(NodeKind.SPINE)
    assert len(spines) == 120
    assert {len(fabric.out_links(node)) for node in spines.tolist()} == {120}
    assert nx.number_connected_components(nx.Graph(switch_graph(fabric))) == 2


def test_pods_meet_in_a_core_oversubscribed_15_to_1():
    fabric = dual_tor(nodes=2 * 1920, uplinks=60)
    level = fabric.column("level")
    for agg in fabric.of_kind(NodeKind.AGG).tolist():
        ends = level[fabric.link_target[fabric.out_links(agg)]]
        assert ((ends == 1).sum(), (ends == 3).sum()) == (120, 8)


SMALL = {"nodes": 10, "segment": 4, "pod": 2, "radix": 32}


def test_every_adapter_has_a_port_on_both_leaves_of_its_rail():
    fabric = dual_tor(**SMALL)
    for nic in fabric.of_kind(NodeKind.NIC).tolist():
        ports = [link for link in fabric.out_links(nic).tolist() if fabric.link_kind[link] == LinkKind.NETWORK]
        assert fabric.plane[ports].tolist() == [0, 1]
        assert set(fabric.rail[ports].tolist()) == {int(fabric.label(nic).split("-")[-1])}


@pytest.mark.parametrize(
    "fields", [SMALL, {"nodes": 4}, {"nodes": 9, "segment": 4}, {"nodes": 64, "segment": 8, "pod": 3}]
)
def test_planes_are_trees(fields, assert_tree):
    assert_tree(dual_tor(**fields))


@pytest.mark.parametrize("rule", ["d-mod-k", "ecmp"])
def test_every_pair_is_joined_within_one_plane(rule):
    fabric = dual_tor(**SMALL)
    src, dst = np.arange(fabric.ranks), (np.arange(fabric.ranks) * 7 + 11) % fabric.ranks
    apart = src // 8 != dst // 8
    paths = router_for(fabric, rule).paths(src[apart], dst[apart])
    network = fabric.link_kind[paths.links] == LinkKind.NETWORK
    pair = np.repeat(np.arange(apart.sum()), np.diff(paths.indptr))
    planes = {(number, plane) for number, plane in zip(pair[network], fabric.plane[paths.links[network]], strict=True)}
    assert len(planes) == apart.sum()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"nodes": 400, "segment": 200}, "200 ports down and 100 up .*segment=128"),
        ({"nodes": 4000, "pod": 17}, "do not join 136 leaves.*pod=15"),
        ({"server": "mi9"}, "unknown server"),
        ({"nodes": 0}, "nodes"),
    ],
)
def test_impossible_pods_are_refused_with_the_nearest(fields, words):
    with pytest.raises(SpecError, match=words):
        dual_tor(**fields)
