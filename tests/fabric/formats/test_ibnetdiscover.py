"""Dumps of InfiniBand networks: what a good one becomes, and that nothing of it is lost."""

import re
from collections import Counter

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import FabricError
from fabricsim.fabric.formats.ib_rates import RATE_BPS, lanes_of
from fabricsim.fabric.formats.ibnetdiscover import ibnetdiscover_text, parse_ibnetdiscover, read_ibnetdiscover
from fabricsim.fabric.graph import SWITCH_KINDS, Fabric, NodeKind
from fabricsim.fabric.routing import router_for
from hypothesis import given, settings
from hypothesis import strategies as st


def content(text: str) -> list[str]:
    """The lines that are neither blank nor comment."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def cables_by_hand(text: str) -> Counter:
    """((GUID, port), (GUID, port), rate) of every cable, read line by line with no grammar at all."""
    found: Counter = Counter()
    key = ""
    for line in content(text):
        if line.startswith(("Switch", "Ca")):
            key = line.split('"')[1]
        elif line.startswith("["):
            near = key[2:], int(line[1 : line.index("]")])
            peer = line.split('"')[1]
            far = peer[2:], int(re.search(r'"\[(\d+)\]', line)[1])
            found[(*sorted([near, far]), line.split()[-1])] += 1
    return found


def cables_of(fabric: Fabric) -> Counter:
    """The same of a Fabric; the rate as bit/s."""
    guid = [f"{value:016x}" for value in fabric.column("guid").tolist()]
    ends = [(guid[node], port) for node, port in zip(fabric.link_source.tolist(), fabric.port.tolist(), strict=True)]
    return Counter(
        (*sorted([ends[link], ends[link ^ 1]]), bps) for link, bps in enumerate(fabric.capacity_bps.tolist())
    )


def in_bps(cables: Counter, rates: dict[str, float]) -> Counter:
    return Counter({(*ends, rates[rate]): count for (*ends, rate), count in cables.items()})


def test_every_cable_of_the_real_cluster_is_there_port_by_port(ndr_cluster, ndr_cluster_file):
    by_hand = cables_by_hand(ndr_cluster_file.read_text())
    assert len(by_hand) == 1114  # counted by interop tools: ibsim and OpenSM bring up as many
    assert set(by_hand.values()) == {2}
    assert cables_of(ndr_cluster) == in_bps(by_hand, {"4xNDR": 4e11})


def test_the_real_cluster_has_its_switches_adapters_and_tiers(ndr_cluster):
    kinds = Counter(NodeKind(kind) for kind in ndr_cluster.node_kind.tolist())
    assert kinds == {NodeKind.LEAF: 31, NodeKind.SPINE: 9, NodeKind.NIC: 542, NodeKind.AGGREGATION: 40}
    spines = ndr_cluster.of_kind(NodeKind.SPINE)
    assert all("IBSPINE" in ndr_cluster.label(node) for node in spines)
    assert all("IBLEAF" in ndr_cluster.label(node) for node in ndr_cluster.of_kind(NodeKind.LEAF))


def test_the_reduction_units_of_the_switches_are_no_ranks(ndr_cluster):
    units = ndr_cluster.of_kind(NodeKind.AGGREGATION)
    assert not set(units) & set(ndr_cluster.endpoints)
    peers = np.concatenate([ndr_cluster.link_target[ndr_cluster.out_links(unit)] for unit in units])
    assert sorted(peers) == sorted(ndr_cluster.of_kind(*SWITCH_KINDS))  # one in each switch


def test_ids_lids_and_descriptions_of_the_real_cluster_are_kept(ndr_cluster, ndr_cluster_file):
    text = ndr_cluster_file.read_text()
    headers = re.findall(
        r'^(?:Switch|Ca)\t\d+ "[SH]-([0-9a-f]{16})"\t\t# "(.*?)"(?: enhanced port 0 lid (\d+))?', text, re.M
    )
    description = dict(
        zip(ndr_cluster.column("guid").tolist(), ndr_cluster.column("description").tolist(), strict=True)
    )
    assert description == {int(guid, 16): name.encode() for guid, name, _ in headers}
    lids = {int(lid) for _, _, lid in headers if lid} | set(map(int, re.findall(r"# lid (\d+) lmc 0", text)))
    assert sorted(ndr_cluster.column("lid").tolist()) == sorted(lids)
    assert Counter(ndr_cluster.column("device_id").tolist()) == {0x1021: 542, 0xCF09: 40, 0xD2F2: 40}
    assert set(ndr_cluster.column("vendor_id").tolist()) == {0x2C9}
    assert set(ndr_cluster.column("lmc").tolist()) == {0}
    assert (ndr_cluster.column("port_guid") == ndr_cluster.column("guid")).all()
    assert (ndr_cluster.column("system_guid") > 0).all()


def test_servers_of_the_real_cluster_are_told_by_host_name(ndr_cluster):
    server = ndr_cluster.column("server")
    names = [ndr_cluster.label(node) for node in range(ndr_cluster.nodes)]
    by_server: dict[int, set[str]] = {}
    for name, number in zip(names, server.tolist(), strict=True):
        if number >= 0:
            by_server.setdefault(number, set()).add(name.split()[0])
    assert all(len(hosts) == 1 for hosts in by_server.values())
    assert len(set.union(*by_server.values())) == len(by_server)
    unnamed = [name for name, number in zip(names, server.tolist(), strict=True) if number < 0]
    hosts = [name for name in unnamed if "IB" not in name and "Aggregation" not in name]
    assert {name.split()[0] for name in hosts} == {"MT4129", "localhost", "ubuntu"}


def test_ranks_are_ordered_by_server_then_adapter(two_leaves):
    labels = [two_leaves.label(node) for node in two_leaves.endpoints]
    assert labels[:4] == ["node-2 mlx5_0", "node-2 mlx5_1", "node-10 mlx5_0", "node-10 mlx5_1"]
    assert two_leaves.column("server")[two_leaves.endpoints].tolist() == [0, 0, 1, 1, -1, -1, -1, -1]


def test_a_description_that_stands_twice_is_told_apart_by_guid(two_leaves):
    model = "MT4123 ConnectX6   Mellanox Technologies"
    assert {two_leaves.label(node) for node in two_leaves.endpoints[4:]} == {
        f"{model} 0002c90300000040",
        f"{model} 0002c90300000070",
        "storage port 1",
        "storage port 2",
    }


def test_each_cabled_port_of_an_adapter_is_a_node_of_its_own(two_leaves):
    ports = [two_leaves.node_id(f"storage port {n}") for n in (1, 2)]
    assert two_leaves.column("guid")[ports].tolist() == [0x2C90300000030] * 2
    assert two_leaves.column("port_guid")[ports].tolist() == [0x2C90300000031, 0x2C90300000032]
    assert [two_leaves.link_label(int(two_leaves.out_links(node)[0])) for node in ports] == [
        "storage port 1:1 -> leaf-0",
        "storage port 2:2 -> leaf-1",
    ]
    assert two_leaves.capacity_bps[two_leaves.out_links(ports[0])].tolist() == [1e11]  # 4xEDR


def test_a_base_management_port_stays_one(two_leaves):
    spine, leaf = two_leaves.node_id("spine"), two_leaves.node_id("leaf-0")
    assert two_leaves.column("enhanced_port_0")[[spine, leaf]].tolist() == [0, 1]


def test_what_the_dump_does_not_say_is_named_as_an_assumption(two_leaves):
    assert "latency" in two_leaves.meta["assumptions"][0]
    assert (two_leaves.meta["family"], two_leaves.meta["network"]) == ("imported", "infiniband")
    assert str(two_leaves.latency_ns[0]) in two_leaves.meta["assumptions"][0]


@pytest.mark.parametrize("name", ["ndr_cluster", "two_leaves"])
def test_a_dump_is_written_back_line_for_line(name, request):
    original = request.getfixturevalue(f"{name}_file").read_text()
    written = ibnetdiscover_text(request.getfixturevalue(name))
    assert content(written) == content(original)


@pytest.mark.parametrize("name", ["ndr_cluster", "two_leaves"])
def test_a_dump_written_and_read_is_the_identical_fabric(name, request):
    fabric = request.getfixturevalue(name)
    assert parse_ibnetdiscover(ibnetdiscover_text(fabric), f"{name}.txt") == fabric


def test_pairs_of_hosts_of_the_real_cluster_are_routed_over_one_leaf_or_a_spine(ndr_cluster):
    ranks = np.arange(ndr_cluster.ranks)
    paths = router_for(ndr_cluster).paths(ranks, np.roll(ranks, 7))
    assert set(np.diff(paths.indptr)) <= {2, 4}


# ------------------------------------------------------------------------------------------------ what is generated


@pytest.mark.parametrize("name", ["fat_tree", "hgx-h100"])
def test_a_generated_network_keeps_its_wiring(name, tmp_path):
    fabric = topologies.load(name, **{"fat_tree": {"k": 4}, "hgx-h100": {"nodes": 4}}[name])
    back = parse_ibnetdiscover(ibnetdiscover_text(fabric))

    def wiring(of: Fabric) -> Counter:
        links = np.flatnonzero(of.link_kind == 0)
        ends = zip(of.link_source[links].tolist(), of.link_target[links].tolist(), strict=True)
        return Counter(
            (of.label(a), of.label(b), bps) for (a, b), bps in zip(ends, of.capacity_bps[links].tolist(), strict=True)
        )

    assert wiring(back) == wiring(fabric)


def test_adapters_of_generated_servers_are_grouped_again():
    fabric = topologies.load("hgx-h100", nodes=3)
    back = parse_ibnetdiscover(ibnetdiscover_text(fabric))
    assert [back.label(node) for node in back.endpoints] == [f"nic-{s}-{n}" for s in range(3) for n in range(8)]
    assert back.column("server")[back.endpoints].tolist() == [0] * 8 + [1] * 8 + [2] * 8


def test_made_up_guids_are_marked_as_local_and_differ():
    back = parse_ibnetdiscover(ibnetdiscover_text(topologies.fat_tree(k=4)))
    guids = back.column("guid").tolist() + back.column("port_guid")[back.endpoints].tolist()
    assert len(set(guids)) == len(guids)
    assert {guid >> 56 for guid in guids} == {0x02}


@st.composite
def networks(draw) -> Fabric:
    """Any connected network of up to 5 switches, hosts on some of them, with odd ports, widths and loops."""
    switches, hosts = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    pairs = [(switch, draw(st.integers(0, switch - 1))) for switch in range(1, switches)]
    pairs += [(switches + host, draw(st.integers(0, switches - 1))) for host in range(hosts)]
    pairs += [tuple(pair) for pair in draw(st.lists(st.permutations(range(switches)).map(lambda p: p[:2]), max_size=4))]
    pairs = [pair for pair in pairs if len(pair) == 2]
    builder = FabricBuilder("ibnetdiscover", {"width_counts": "lanes"})
    kinds = [NodeKind.SWITCH] * switches + [NodeKind.HOST] * hosts
    builder.add_nodes(kinds, [f"node {n}" for n in range(len(kinds))], guid=np.arange(1, len(kinds) + 1))
    source, target = np.array(pairs).T
    rates = [draw(st.sampled_from(sorted(RATE_BPS))) for _ in pairs]
    spare = draw(st.permutations(range(1, 2 * len(pairs) + 1)))
    builder.add_cables(
        source,
        target,
        [RATE_BPS[rate] for rate in rates],
        1,
        source_port=spare[::2],
        target_port=spare[1::2],
        width=[lanes_of(rate) for rate in rates],
    )
    return builder.build()


@settings(max_examples=100, deadline=None)
@given(networks())
def test_any_connected_network_is_read_as_it_was_written(fabric):
    text = ibnetdiscover_text(fabric)
    back = parse_ibnetdiscover(text)
    assert cables_of(back) == cables_of(fabric)
    assert in_bps(cables_by_hand(text), RATE_BPS) == cables_of(fabric)
    assert ibnetdiscover_text(back).splitlines()[3:] == text.splitlines()[3:]


def cable_between(kind: NodeKind, names=("a", "b"), **cable) -> Fabric:
    builder = FabricBuilder("x")
    builder.add_nodes([kind, NodeKind.LEAF], list(names))
    builder.add_cables([0], [1], **{"capacity_bps": 4e11, "latency_ns": 1} | cable)
    return builder.build([0])


@pytest.mark.parametrize(
    ("fabric", "message"),
    [
        (cable_between(NodeKind.HOST, capacity_bps=3.5e11), "no InfiniBand rate"),
        (cable_between(NodeKind.HOST, back_capacity_bps=2e11), "faster one way"),
        (cable_between(NodeKind.ACCELERATOR), "without an adapter"),
        (cable_between(NodeKind.HOST, target_port=255), "not a port from 1 to 254"),
        (cable_between(NodeKind.HOST, names=("a\n[1]", "b")), "cannot be printed"),
    ],
)
def test_what_a_dump_cannot_say_is_refused(fabric, message):
    with pytest.raises(FabricError, match=message):
        ibnetdiscover_text(fabric)


@pytest.mark.parametrize("name", ['"', '" lid 5 4xHDR', 'x" enhanced port 0 lid 1 lmc 0', "# ", " x ", "é"])
def test_names_that_look_like_grammar_come_back_as_names(name):
    back = parse_ibnetdiscover(ibnetdiscover_text(cable_between(NodeKind.HOST, names=(name, name + "2"))))
    assert {back.label(0), back.label(1)} == {name, name + "2"}


@pytest.mark.parametrize("rate", ["2xNDR", "4xHDR", "1xHDR", "2xEDR", "12xFDR", "8xSDR", "4xFDR10", "4xXDR"])
def test_the_width_of_a_link_is_kept(two_leaves_file, rate):
    text = two_leaves_file.read_text().replace("4xHDR", rate)
    fabric = parse_ibnetdiscover(text)
    assert content(ibnetdiscover_text(fabric)) == content(text)


def test_what_full_and_grouping_add_is_read_over(two_leaves, two_leaves_file):
    text = two_leaves_file.read_text()
    text = re.sub(r"(4x[HE]DR)$", r"\1 s=4 w=2 v=4", text, flags=re.M)
    text = re.sub(r"^(switchguid=.*)$", r"\1\t# Spine 1 Chip 2", text, flags=re.M)
    text = re.sub(r"^(sysimgguid=.*)$", r"\1\t\t# Chassis 1", text, flags=re.M)
    text = re.sub(r'^(\[\d+\])\t("S-\w+"\[\d+\])', r"\1[ext 3]\t\2[ext 14]", text, flags=re.M)
    text = text.replace("\nvendid", "\nChassis 1 (guid 0x2c90200000010)\n\n# Leaf Nodes\nvendid", 1)
    assert parse_ibnetdiscover(text, "two_leaves.txt") == two_leaves


def test_line_ends_of_windows_are_line_ends(two_leaves, two_leaves_file, tmp_path):
    path = tmp_path / "two_leaves.txt"
    path.write_bytes(two_leaves_file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_ibnetdiscover(path) == two_leaves


def test_a_hand_written_net_file_needs_no_guids():
    text = """
        Switch 2 "leaf"
        [1] "x"[1]   # "x" lid 0 4xHDR
        [2] "y"[1]   # "y" lid 0 4xHDR

        Hca 1 "x"
        [1] "leaf"[1]  # "leaf" lid 0 4xHDR

        Ca 1 "y"
        [1] "leaf"[2]  # "leaf" lid 0 4xHDR
    """
    fabric = parse_ibnetdiscover(text)
    assert [fabric.label(node) for node in range(fabric.nodes)] == ["leaf", "x", "y"]
    assert fabric.endpoints.tolist() == [1, 2]
