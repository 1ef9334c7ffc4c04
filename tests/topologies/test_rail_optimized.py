"""Rail-optimized clusters against NVIDIA's DGX SuperPOD tables and against slow constructions by name."""

from collections import Counter
from math import ceil

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import Fabric, LinkKind, NodeKind
from fabricsim.fabric.spec import validate
from fabricsim.topologies import rail_optimized
from fabricsim.topologies.families.rail_optimized import RailOptimized
from hypothesis import given, settings
from hypothesis import strategies as st


def switches(fabric: Fabric) -> tuple[int, int, int]:
    return tuple(len(fabric.of_kind(kind)) for kind in (NodeKind.LEAF, NodeKind.SPINE, NodeKind.CORE))


def network_cables(fabric: Fabric) -> list[int]:
    """Node-leaf, leaf-spine and spine-core cables."""
    level = fabric.column("level")
    drawn = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)[::2]
    return np.bincount(level[fabric.link_source[drawn]], minlength=3)[:3].tolist()


@pytest.mark.parametrize(
    ("units", "gpus", "leaf", "spine", "core"),
    [
        (2, 512, 16, 8, 0),
        (4, 1024, 32, 16, 0),
        (8, 2048, 64, 32, 0),
        (16, 4096, 128, 128, 64),
        (32, 8192, 256, 256, 128),
        (64, 16384, 512, 512, 256),
    ],
)
def test_dgx_b200_superpod_table(units, gpus, leaf, spine, core):
    """Scalable units of 32 nodes, 64-port 400G switches; as many cables in each tier as accelerators."""
    fabric = rail_optimized(server="hgx-b200", nodes=32 * units)
    assert fabric.ranks == gpus
    assert switches(fabric) == (leaf, spine, core)
    assert network_cables(fabric) == [gpus, gpus, gpus if core else 0]


@pytest.mark.parametrize(("units", "leaf", "spine"), [(1, 8, 4), (2, 16, 8), (4, 32, 18), (8, 64, 36), (18, 144, 72)])
def test_dgx_b300_xdr_superpod_table(units, leaf, spine):
    """Scalable units of 72 nodes, 144-port 800G switches; the last row has 10,368 cables in each tier."""
    fabric = rail_optimized(server="hgx-b200", nic="800Gbps", nodes=72 * units)
    assert switches(fabric) == (leaf, spine, 0)
    assert network_cables(fabric) == [576 * units, 576 * units, 0]


@pytest.mark.parametrize(("units", "leaf", "spine"), [(1, 16, 8), (2, 32, 16), (4, 64, 32), (8, 128, 64)])
def test_dgx_b300_ethernet_superpod_table(units, leaf, spine):
    """Scalable units of 64 nodes, two 400G ports per accelerator, 64-port 800G switches as 128 ports of 400G."""
    fields = {"nic": "400Gbps", "nics_per_node": 16, "network": "roce", "radix": 128}
    assert switches(rail_optimized(server="hgx-b200", nodes=64 * units, **fields)) == (leaf, spine, 0)


def test_last_row_of_the_dgx_b300_ethernet_table_is_two_planes_of_this_family():
    """8192 accelerators: 256 leaves and 128 spines, one half of them for each of two planes that never meet."""
    plane = rail_optimized(server="hgx-b200", nodes=64 * 16, network="roce", nic="400Gbps", radix=128)
    assert switches(plane) == (256 // 2, 128 // 2, 0)


def rails_by_hand(nodes: int, rails: int, su: int, radix: int) -> Counter:
    """Two tiers, one port per node and rail, names as the fabric gives them."""
    per_rail = ceil(nodes / su)
    up = min(su, nodes)
    spines = next(s for s in range(1, up + 1) if up % s == 0 and s * radix >= rails * per_rail * up)
    cables = Counter()
    for rail in range(rails):
        for node in range(nodes):
            cables[f"nic-{node}-{rail}", f"leaf-{rail}-{node // su}"] += 1
        for leaf in range(per_rail):
            for port in range(up):
                cables[f"leaf-{rail}-{leaf}", f"spine-{port % spines}"] += 1
    return cables


@pytest.mark.parametrize(("nodes", "su", "radix"), [(4, 4, 64), (8, 4, 16), (7, 3, 64), (20, 8, 64), (2, 1, 16)])
def test_two_tiers_are_cabled_as_by_hand(nodes, su, radix, trunks, assert_tree, assert_ports):
    fabric = rail_optimized(nodes=nodes, su=su, radix=radix)
    assert trunks(fabric) == rails_by_hand(nodes, 8, su, radix)
    assert_tree(fabric)
    assert_ports(fabric)


def groups_by_hand() -> Counter:
    """32 nodes on 2 rails of 8-port switches: per rail 8 leaves of 4 ports, in 2 groups of 4 leaves and 4 spines, each
    spine with 4 ports up; its plane has 2 core switches, for 4 groups * 4 ports of 8."""
    cables = Counter()
    for rail in range(2):
        for node in range(32):
            cables[f"nic-{node}-{rail}", f"leaf-{rail}-{node // 4}"] += 1
        for leaf in range(8):
            for spine in range(4):
                cables[f"leaf-{rail}-{leaf}", f"spine-{2 * rail + leaf // 4}-{spine}"] += 1
        for group in (2 * rail, 2 * rail + 1):
            for plane in range(4):
                for core in range(2):
                    cables[f"spine-{group}-{plane}", f"core-{plane}-{core}"] += 2
    return cables


def test_three_tiers_are_cabled_as_by_hand(trunks, assert_tree, assert_ports):
    fabric = rail_optimized(nodes=32, nics_per_node=2, radix=8)
    assert trunks(fabric) == groups_by_hand()
    assert_tree(fabric)
    assert_ports(fabric)


SMALL = {
    "nodes": st.integers(2, 40),
    "nics_per_node": st.sampled_from([1, 2, 3, 4]),
    "radix": st.sampled_from([8, 12, 16, 32]),
    "oversubscription": st.sampled_from([1, 1.5, 2, 3]),
    "su": st.none() | st.integers(1, 12),
}


@settings(max_examples=40, deadline=None)
@given(fields=st.fixed_dictionaries(SMALL))
def test_any_cluster_is_a_regular_connected_tree_within_its_radix_and_taper(fields, assert_tree, assert_ports, trunks):
    try:
        fabric = rail_optimized(**{name: value for name, value in fields.items() if value is not None})
    except SpecError as error:
        # The reasons for which such a cluster may be refused: too large, or no switches to be oversubscribed.
        if not any(reason in str(error) for reason in ("core switches", "one switch joins all servers")):
            raise
        return
    assert_tree(fabric)
    assert_ports(fabric)
    assert nx.is_connected(nx.Graph(fabric.to_networkx()))
    between = trunks(fabric)
    up, down = Counter(), Counter()
    for (lower, upper), cables in between.items():
        up[lower] += cables
        down[upper] += cables
        trunk = {between[lower, other] for name, other in between if name == lower}
        assert trunk == {cables}
    for leaf in (fabric.label(node) for node in fabric.of_kind(NodeKind.LEAF).tolist()):
        assert len(fabric.of_kind(NodeKind.LEAF)) == 1 or down[leaf] <= fields["oversubscription"] * up[leaf]


def test_adapter_j_of_every_node_of_a_unit_is_on_one_leaf_of_rail_j():
    fabric = rail_optimized(nodes=5, su=3)
    cabled = np.flatnonzero(
        (fabric.link_kind == LinkKind.NETWORK) & (fabric.node_kind[fabric.link_source] == NodeKind.NIC)
    )
    for link in cabled.tolist():
        _, node, rail = fabric.label(int(fabric.link_source[link])).split("-")
        assert fabric.label(int(fabric.link_target[link])) == f"leaf-{rail}-{int(node) // 3}"
        assert fabric.rail[link] == int(rail)


def test_one_node_is_a_server_without_a_network():
    fabric = rail_optimized(nodes=1)
    assert fabric.ranks == 8
    assert switches(fabric) == (0, 0, 0)
    assert not (fabric.link_kind == LinkKind.NETWORK).any()


@pytest.mark.parametrize(
    ("nics", "buses"),
    [
        (8, [(i, i) for i in range(8)]),
        (4, [(i, i // 2) for i in range(8)]),
        (1, [(i, 0) for i in range(8)]),
        (16, [(i // 2, i) for i in range(16)]),
    ],
)
def test_accelerators_share_adapters_or_have_several(nics, buses):
    fabric = rail_optimized(nodes=2, nics_per_node=nics)
    cables = np.flatnonzero(fabric.link_kind == LinkKind.PCIE)[::2]
    labels = [(fabric.label(int(fabric.link_source[c])), fabric.label(int(fabric.link_target[c]))) for c in cables]
    assert labels == [(f"gpu-{node}-{gpu}", f"nic-{node}-{nic}") for node in range(2) for gpu, nic in buses]


def test_ranks_run_over_node_then_local_number():
    fabric = rail_optimized(nodes=3)
    assert [fabric.label(node) for node in fabric.endpoints] == [f"gpu-{n}-{i}" for n in range(3) for i in range(8)]


def test_a_rack_has_the_four_rails_of_a_compute_tray(assert_tree):
    """72 adapters, 18 on each rail: two racks bring 36 ports to a rail, more than half of a 64-port switch."""
    fabric = rail_optimized(server="gb200-nvl72", nodes=2)
    assert_tree(fabric)
    assert fabric.ranks == 144
    assert network_cables(fabric)[0] == 144
    leaves = fabric.of_kind(NodeKind.LEAF)
    assert fabric.column("span")[leaves].tolist() == [18] * 8
    rails = {fabric.label(int(fabric.link_source[link])): int(fabric.rail[link]) for link in range(0, 2 * 144, 2)}
    assert rails == {f"nic-{rack}-{nic}": nic % 4 for rack in range(2) for nic in range(72)}


def test_a_rack_may_be_partly_in_use():
    fabric = rail_optimized(server="gb200-nvl72", nodes=2, gpus_per_rack=64)
    assert fabric.ranks == len(fabric.of_kind(NodeKind.NIC)) == 128
    assert len(fabric.of_kind(NodeKind.NVSWITCH)) == 36


def test_oversubscription_meets_the_traffic_of_a_small_cluster():
    """16 nodes at 4:1 are four units of four nodes; every leaf has 4 ports down and 1 up."""
    fabric = rail_optimized(nodes=16, oversubscription="4:1")
    assert network_cables(fabric) == [128, 32, 0]
    leaves = fabric.of_kind(NodeKind.LEAF)
    assert fabric.column("span")[leaves].tolist() == [4] * 32
    assert fabric.meta["parameters"]["oversubscription"] == 4.0
    assert any("4 nodes" in sentence and "1 up" in sentence for sentence in fabric.meta["assumptions"])


@pytest.mark.parametrize(("link", "up"), [("400Gbps", 8), ("800Gbps", 4), ("200Gbps", 16)])
def test_faster_cables_between_switches_need_fewer_of_them(link, up):
    """8 ports of 400 Gbit/s down, 3.2 Tbit/s up."""
    fabric = rail_optimized(nodes=8, nic="400Gbps", link=link, radix=64)
    assert network_cables(fabric) == [64, 8 * up, 0]
    spines = fabric.of_kind(NodeKind.SPINE)
    into = np.isin(fabric.link_target, spines)
    assert fabric.capacity_bps[into].sum() == 64 * 400e9


@pytest.mark.parametrize(
    ("fields", "devices"),
    [
        ({"server": "hgx-h100"}, ["H100_SXM", "ConnectX-7", "QM9700"]),
        ({"server": "hgx-a100", "network": "roce", "nic": "200Gbps"}, ["A100_SXM_80GB", "ConnectX-6", "SN4700"]),
        ({"server": "hgx-h100", "radix": 32}, ["H100_SXM", "ConnectX-7"]),
        ({"server": "hgx-h100", "nic": "100Gbps"}, ["H100_SXM", "QM8700"]),
    ],
)
def test_devices_are_named_where_the_catalogue_has_them(fields, devices):
    assert rail_optimized(nodes=2, **fields).meta["devices"] == devices


def test_latency_per_hop_is_the_catalogues_for_the_network_unless_given():
    def latencies(**fields):
        fabric = rail_optimized(nodes=2, **fields)
        return set(fabric.latency_ns[fabric.link_kind == LinkKind.NETWORK].tolist())

    assert latencies() == {450}
    assert latencies(network="roce") == {1000}
    assert latencies(hop_latency="600ns") == {600}


def test_an_adapter_faster_than_its_bus_is_said():
    said = rail_optimized(nodes=2, nic="800Gbps").meta["assumptions"]
    assert any("800Gbps" in sentence and "504Gbps" in sentence for sentence in said)
    assert not any("504Gbps" in sentence for sentence in rail_optimized(nodes=2).meta["assumptions"])


def test_saved_it_stays_the_same(tmp_path):
    fabric = rail_optimized(nodes=3, base_latency="20us")
    fabric.save(tmp_path / "rails.fabric")
    assert Fabric.load(tmp_path / "rails.fabric") == fabric
    assert fabric.meta["base_latency_s"] == 20e-6


def test_links_stay_within_their_memory():
    fabric = rail_optimized(nodes=256)
    assert fabric.nbytes <= 60 * fabric.links


def test_beyond_three_tiers_it_is_refused_with_sizes_that_work():
    """64-port switches join 64 groups of 32 leaves of 32 ports: 65,536 adapters, 8192 nodes."""
    with pytest.raises(SpecError, match=r"257 leaves on each of 8 rails, in 72 groups .*\(nodes=8192 or radix=66\)"):
        rail_optimized(nodes=8193)
    assert validate(RailOptimized, {"nodes": 8192}).plan.cores == 1024
    assert validate(RailOptimized, {"nodes": 8193, "radix": 66}).plan.cores > 0


def test_sizes_no_memory_holds_are_refused():
    with pytest.raises(SpecError, match="nodes: makes 48,000,000,000 cables"):
        rail_optimized(nodes=10**9)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"nodes": 0}, "nodes: "),
        ({"nodes": -3}, "nodes: "),
        ({"nic": "400"}, "nic: .*no unit"),
        ({"nic": "-400Gbps"}, "nic: "),
        ({"nic": "1600Gbps"}, r"radix: the catalogue has no infiniband switch with ports of 1.6Tbps \(give radix\)"),
        ({"radix": 7}, r"radix: half of 7 .*radix=6 or radix=8"),
        ({"radix": 0}, "radix: "),
        ({"su": 0}, "su: "),
        ({"oversubscription": 0.5}, "oversubscription: "),
        ({"oversubscription": "4:3"}, "oversubscription: "),
        ({"nics_per_node": 0}, "nics_per_node: "),
        ({"gpus_per_rack": 4}, "gpus_per_rack: hgx-h100 is a server, not a rack"),
        ({"server": "gb200-nvl72", "gpus_per_rack": 80}, "gpus_per_rack: gb200-nvl72 has 72"),
        ({"server": "gb200-nvl72", "gpus_per_rack": 70}, r"gpus_per_rack: 70 .*4 rails \(68 or 72\)"),
        ({"server": "dgx"}, "server: unknown server 'dgx'"),
        ({"k": 4}, "k: unknown field"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, named):
    with pytest.raises(SpecError, match=named):
        rail_optimized(**fields)


def test_every_bad_field_is_named_at_once():
    with pytest.raises(SpecError) as caught:
        rail_optimized(nodes=0, nic="400", colour="red")
    assert {fault.field for fault in caught.value.faults} == {"nodes", "nic", "colour"}
