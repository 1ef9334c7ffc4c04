"""`findings`: each rule on wiring with exactly that fault, and none on what the generators wire."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.catalogue import server_kind
from fabricsim.fabric.check import findings
from fabricsim.fabric.graph import Fabric, NodeKind
from fabricsim.topologies.imported import add_servers


def rules(fabric: Fabric) -> list[str]:
    return [finding.rule for finding in findings(fabric)]


@pytest.fixture(scope="module")
def tree() -> Fabric:
    return topologies.fat_tree(k=4)


@pytest.fixture(scope="module")
def rails() -> Fabric:
    return topologies.load("hgx-h100", nodes=8)


def without(fabric: Fabric, *nodes: str) -> Fabric:
    """The fabric with every cable of these nodes pulled out."""
    ids = [fabric.node_id(name) for name in nodes]
    kept = ~(np.isin(fabric.link_source, ids) | np.isin(fabric.link_target, ids))
    return replace(fabric, **{name: getattr(fabric, name)[kept] for name in _PER_LINK})


def swapped(fabric: Fabric, first: int, second: int) -> Fabric:
    """The fabric with the far ends of two cables exchanged, ports included."""
    source, target, port = fabric.link_source.copy(), fabric.link_target.copy(), fabric.port.copy()
    a, b = 2 * first, 2 * second
    target[[a, b]], source[[a + 1, b + 1]] = target[[b, a]], source[[b + 1, a + 1]]
    port[[a + 1, b + 1]] = port[[b + 1, a + 1]]
    return replace(fabric, link_source=source, link_target=target, port=port)


_PER_LINK = ("link_source", "link_target", "capacity_bps", "latency_ns", "link_kind", "port", "rail", "plane", "width")


@pytest.mark.parametrize(
    "make",
    [
        lambda: topologies.fat_tree(k=8),
        lambda: topologies.fat_tree(k=8, server="hgx-h100"),
        lambda: topologies.nvlink_domain(server="gb200-nvl72"),
        lambda: topologies.load("hgx-h100", nodes=1),
        lambda: topologies.load("hgx-h100", nodes=77),
        lambda: topologies.load("hgx-a100", nodes=64, oversubscription=4),
        lambda: topologies.load("gb200-nvl72", nodes=3),
        lambda: topologies.load("hgx-b200", nodes=1024),
    ],
)
def test_what_is_generated_has_no_findings(make):
    assert findings(make()) == ()


def test_a_host_pulled_out_dangles_and_is_unreachable(tree):
    found = {finding.rule: finding for finding in findings(without(tree, "host-5"))}
    assert found.keys() == {"unreachable", "dangling"}
    assert {finding.where for finding in found.values()} == {"host-5"}
    assert "host-0" in found["unreachable"].message


def test_a_switch_without_cables_dangles_and_cuts_its_hosts_off(tree):
    found = findings(without(tree, "leaf-1-0"))
    assert [f.where for f in found if f.rule == "dangling"] == ["host-4", "host-5", "leaf-1-0"]
    assert [f.where for f in found if f.rule == "unreachable"] == ["host-4", "host-5"]


def test_switches_on_their_own_dangle():
    builder = FabricBuilder("shelf")
    builder.add_nodes(NodeKind.LEAF, ["a", "b"])
    assert [(f.rule, f.where) for f in findings(builder.build())] == [("dangling", "a"), ("dangling", "b")]


def test_rails_without_spines_reach_each_other_through_their_servers(rails):
    """Rail-only (Wang et al. 2023): a GPU hands over to its neighbour on the other's rail."""
    one_leaf_a_rail = without(rails, *(rails.label(node) for node in rails.of_kind(NodeKind.SPINE).tolist()))
    assert set(rules(one_leaf_a_rail)) == {"dangling"}


def test_adapters_are_no_way_between_two_networks():
    """Two hosts on switch a, two on switch b, none on both."""
    builder = FabricBuilder("apart")
    hosts = builder.add_nodes(NodeKind.HOST, ["h0", "h1", "h2", "h3"])
    switches = builder.add_nodes(NodeKind.LEAF, ["a", "b"])
    builder.add_cables(hosts, switches[[0, 0, 1, 1]], 1e9, 0)
    (found,) = findings(builder.build())
    assert (found.rule, found.where) == ("unreachable", "h2")
    assert "1 endpoints beside it cannot reach h0" in found.message


def test_a_cable_slower_one_way_is_found(tree):
    capacity = tree.capacity_bps.copy()
    capacity[11] /= 2
    (found,) = findings(replace(tree, capacity_bps=capacity))
    assert (found.rule, found.where) == ("speed", tree.link_label(10))
    assert found.message == "400Gbps that way, 200Gbps back"


def test_a_trunk_of_two_speeds_is_found_at_both_ends(rails):
    both = rails.node_id("leaf-0-0"), rails.node_id("spine-0")
    trunk = np.flatnonzero((rails.link_source == both[0]) & (rails.link_target == both[1]))
    assert len(trunk) > 1
    capacity = rails.capacity_bps.copy()
    capacity[[trunk[0], trunk[0] ^ 1]] /= 2
    found = findings(replace(rails, capacity_bps=capacity))
    assert [f.rule for f in found] == ["speed", "speed"]
    assert {f.where for f in found} == {"leaf-0-0 -> spine-0", "spine-0 -> leaf-0-0"}


def test_a_port_beyond_the_last_is_found(tree):
    radix = tree.column("radix").copy()
    radix[tree.node_id("core-0-0")] = 3
    (found,) = findings(replace(tree, columns={**tree.columns, "radix": radix}))
    assert (found.rule, found.where) == ("radix", "core-0-0")
    assert found.message == "4 cables, the last at port 4, on 3 ports"


def test_the_bus_behind_an_adapter_takes_none_of_its_ports(rails):
    radix = np.where(rails.node_kind == NodeKind.NIC, 1, rails.column("radix"))
    assert rules(replace(rails, columns={**rails.columns, "radix": radix.astype("i2")})) == []


def test_a_missing_trunk_cable_is_found_where_it_is_missing():
    """64 nodes: 16 leaves with 4 cables to each of 8 spines."""
    rails = topologies.load("hgx-h100", nodes=64)
    both = rails.node_id("leaf-3-0"), rails.node_id("spine-0")
    cable = np.flatnonzero((rails.link_source == both[0]) & (rails.link_target == both[1]))[0]
    kept = np.arange(rails.links) // 2 != cable // 2
    (found,) = findings(replace(rails, **{name: getattr(rails, name)[kept] for name in _PER_LINK}))
    assert (found.rule, found.where) == ("trunk", "leaf-3-0 -> spine-0")
    assert found.message == "3 cables; 4 to another switch of that tier"


def test_two_adapters_on_each_others_rail_are_found(rails):
    ports = [
        int(np.flatnonzero((rails.link_source == rails.node_id(nic)) & (rails.port == 1))[0])
        for nic in ("nic-2-0", "nic-2-5")
    ]
    assert all(link % 2 == 0 for link in ports)
    found = findings(swapped(rails, ports[0] // 2, ports[1] // 2))
    assert [f.rule for f in found] == ["rail", "rail"]
    assert [f.where.split(":")[0] for f in found] == ["nic-2-0", "nic-2-5"]


def test_shared_guids_and_lids_are_found(tree):
    guid, lid = np.arange(1, tree.nodes + 1, dtype="u8"), np.arange(1, tree.nodes + 1, dtype="i4")
    named = replace(tree, columns={**tree.columns, "guid": guid, "port_guid": guid, "lid": lid})
    assert findings(named) == ()
    a, b = tree.node_id("leaf-0-0"), tree.node_id("agg-0-0")
    twin = guid.copy()
    twin[b] = twin[a]
    (found,) = findings(replace(named, columns={**named.columns, "guid": twin}))
    assert (found.rule, found.where) == ("guid", "agg-0-0")
    assert found.message.endswith("leaf-0-0 too")
    twin_lid = lid.copy()
    twin_lid[b] = twin_lid[a]
    assert [(f.rule, f.where) for f in findings(replace(named, columns={**named.columns, "lid": twin_lid}))] == [
        ("lid", "agg-0-0")
    ]


def test_a_port_of_several_lids_owns_them_all():
    """LMC 2 is four LIDs: 4 to 7 (InfiniBand Architecture Specification 1, section 4.1.3)."""
    builder = FabricBuilder("lids")
    ends = builder.add_nodes(NodeKind.NIC, ["a", "b", "c"], lid=[4, 7, 8], lmc=[2, 0, 0])
    switch = builder.add_nodes(NodeKind.LEAF, ["s"], lid=1, lmc=0)
    builder.add_cables(ends, switch[[0, 0, 0]], 1e9, 0)
    (found,) = findings(builder.build())
    assert (found.rule, found.where, found.message) == ("lid", "b", "LID 7 is that of a too")


def test_the_real_cluster_has_six_thin_trunks_and_two_adapters_exchanged(ndr_cluster):
    """Counted in the dump by hand: six pairs of switches with one cable where the others have two, and the only server
    whose HCA-5 and HCA-6 are on leaves 04 and 03 instead of 03 and 04."""
    found = findings(ndr_cluster)
    assert [f.rule for f in found] == ["trunk"] * 6 + ["rail"] * 2
    assert {f.where.split(":")[0] for f in found if f.rule == "rail"} == {
        "b08-p1-dgx-08-c01 HCA-5",
        "b08-p1-dgx-08-c01 HCA-6",
    }


def test_servers_put_behind_the_real_cluster_hide_none_of_its_faults(ndr_cluster):
    """`hgx-h100` uses all of a server's adapters, in their order: the rails stay what they are."""
    assert findings(add_servers(ndr_cluster, server_kind("hgx-h100"))) == findings(ndr_cluster)


def test_rails_follow_the_ranks_and_not_the_order_of_nodes():
    """Four servers of two adapters, the second adapter listed first; the last server's cables are exchanged."""
    builder = FabricBuilder("reversed", {"family": "imported"})
    server = np.repeat(np.arange(4), 2)
    nics = builder.add_nodes(NodeKind.NIC, [f"s{n // 2} hca-{2 - n % 2}" for n in range(8)], server=server)
    leaves = builder.add_nodes(NodeKind.LEAF, ["leaf-1", "leaf-2"])
    builder.add_cables(nics, leaves[[1, 0, 1, 0, 1, 0, 0, 1]], 4e11, 450)
    bare = builder.build(nics.reshape(-1, 2)[:, ::-1].ravel())
    for fabric in (bare, add_servers(bare, replace(server_kind("hgx-h100"), gpus=2, nics=2))):
        astray = [(f.where.split(":")[0], f.message[:9]) for f in findings(fabric) if f.rule == "rail"]
        assert astray == [("s3 hca-2", "adapter 2"), ("s3 hca-1", "adapter 1")]


def test_adapters_that_no_rank_uses_make_no_rail():
    """Four servers of four adapters, each on a leaf of its own; two are in use, and the last server lists the two
    others the wrong way round."""
    builder = FabricBuilder("spare", {"family": "imported"})
    nics = builder.add_nodes(NodeKind.NIC, [f"nic {n}" for n in range(16)], server=np.repeat(np.arange(4), 4))
    rail = np.array([0, 1, 2, 3] * 3 + [0, 1, 3, 2])
    builder.add_cables(nics, builder.add_nodes(NodeKind.LEAF, [f"leaf-{n}" for n in range(4)])[rail], 4e11, 450)
    bare = builder.build(nics[np.lexsort((rail, np.arange(16) // 4))])
    for fabric in (bare, add_servers(bare, replace(server_kind("hgx-h100"), gpus=2, nics=2))):
        assert "rail" not in rules(fabric)


def test_racks_that_nvswitches_join_reach_each_other():
    assert findings(topologies.load("nvlink_domain", racks=3, oversubscription=2)) == ()
