"""Parameters of transports, and what each does with many paths."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import SpecError, UnknownNameError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.sims.network import Network
from fabricsim.sims.transports import transport_for
from fabricsim.topologies import load


@pytest.mark.parametrize(("name", "share"), [("infiniband", 48 / 50), ("roce", 0.925), ("ideal", 1.0)])
def test_payload_share_is_the_published_one(star, name, share):
    assert transport_for(star(2), name).limits(star(2)) == pytest.approx(share)


def test_default_roce_packet_has_the_published_share_too(star):
    """1024 of 1106 bytes on the wire; the catalogue's 0.925 rounds it."""
    share = transport_for(star(2), "roce", {"mtu": "1106B"}).limits(star(2))
    assert share == pytest.approx(1024 / 1106)
    assert share == pytest.approx(0.925, abs=1e-3)


@pytest.mark.parametrize("name", ["infiniband", "roce"])
def test_packet_size_and_header_set_the_payload_share(star, name):
    transport = transport_for(star(2), name, {"mtu": "9064B", "header": "64B"})
    assert transport.limits(star(2)) == pytest.approx(9000 / 9064)


def test_headers_cost_on_network_links_only():
    fabric = load("hgx-h100", nodes=2)
    limits = transport_for(fabric, "infiniband").limits(fabric)
    assert (limits[fabric.link_kind == LinkKind.NETWORK] < 1).all()
    assert (limits[fabric.link_kind != LinkKind.NETWORK] == 1).all()


@pytest.mark.parametrize(
    ("name", "parameters", "complaint"),
    [
        ("roce", {"qsp": "4"}, "did you mean qps"),
        ("roce", {"spray": "1"}, "known fields: buffer, cc, completion, .*forwarding, .*header"),
        ("roce", {"qps": "0"}, "below 1"),
        ("roce", {"mtu": "4096"}, "has no unit"),
        ("roce", {"mtu": "64B", "header": "64B"}, "no room"),
        ("infiniband", {"qps": "4"}, "same path"),
        ("infiniband", {"hash": "same"}, "same path"),
        ("uec", {"entropy": "src,dst"}, "own path"),
        ("roce", {"entropy": "src,port"}, "'port' is not known .one of 'src', 'dst' or 'sport'"),
        ("roce", {"entropy": "src,dst", "qps": "4"}, "all queue pairs of a pair look alike"),
        ("roce", {"hash": "crc"}, "one of 'per-switch' or 'same'"),
        ("ideal", {"mtu": "4096B"}, "no packets"),
    ],
)
def test_parameters_that_cannot_act_are_refused_with_the_reason(star, name, parameters, complaint):
    with pytest.raises(SpecError, match=complaint):
        Network(star(2), transport=name, parameters=parameters)


def test_all_wrong_parameters_are_listed(star):
    with pytest.raises(SpecError) as caught:
        transport_for(star(2), "roce", {"qps": "-1", "mtu": "big"})
    assert {fault.field for fault in caught.value.faults} == {"transport.qps", "transport.mtu"}


def test_unknown_transports_and_networks_without_one_are_refused():
    builder = FabricBuilder("plain", {"network": "token-ring"})
    hosts = builder.add_nodes(NodeKind.HOST, ["a", "b"])
    builder.add_cables(hosts, builder.add_nodes(NodeKind.SWITCH, ["s"])[0], 1e11, 0)
    with pytest.raises(UnknownNameError, match="token-ring"):
        transport_for(builder.build())
    with pytest.raises(UnknownNameError, match="did you mean roce"):
        transport_for(builder.build(), "rocev")


def test_infiniband_is_the_default_of_a_fabric_that_names_no_network(star):
    assert transport_for(star(2)).name == "infiniband"


@pytest.mark.parametrize(
    ("paths", "queue_pairs", "mean_rate"), [(8, 1, 0.652), (8, 4, 0.641), (16, 1, 0.640), (8, 16, 0.738)]
)
def test_hashed_flows_lose_what_balls_into_bins_predicts(one_stage, paths, queue_pairs, mean_rate):
    """As many line-rate flows as equal paths, each ending with its slowest queue pair: Monte-Carlo means of the
    classical balls-into-bins process (600 trials, +-0.01). Ours average over 120 seeds, standard error below 0.01.
    """
    fabric = one_stage(paths)
    src, line_s = np.arange(paths), 1.0
    rates = []
    for seed in range(120):
        network = Network(fabric, transport="roce", parameters={"qps": queue_pairs}, seed=seed)
        rates.append(line_s / _static_finish_s(network, src, src + paths, paths))
    assert np.mean(rates) == pytest.approx(mean_rate, abs=0.03)


def _static_finish_s(network, src, dst, paths):
    """Finish per flow if every queue pair kept the equal share of its path to the end: load of the fullest path it
    uses."""
    flows = network.subflows(src.astype(np.int32), dst.astype(np.int32))
    uplink = flows.links[flows.indptr[:-1] + 1]
    load = np.bincount(uplink, weights=flows.part, minlength=network.fabric.links)
    slowest = np.zeros(len(src))
    np.maximum.at(slowest, flows.transfer, load[uplink])
    return np.maximum(slowest, 1.0)


def test_a_roce_transfer_is_as_many_equal_subflows_as_queue_pairs(two_leaves):
    flows = Network(two_leaves(4, 4), transport="roce", parameters={"qps": 4}).subflows(
        np.array([0, 1], dtype=np.int32), np.array([4, 5], dtype=np.int32)
    )
    assert flows.transfer.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert (flows.part == 0.25).all()


def test_every_shift_is_free_of_contention_on_a_tree_under_static_infiniband_tables():
    """Zahavi 2010: d-mod-k routes every shift of a full tree without sharing a link."""
    fabric = load("fat_tree", k=4)
    network = Network(fabric, transport="infiniband")
    ranks = np.arange(fabric.ranks)
    for shift in range(1, fabric.ranks):
        ran = network.transfer(ranks, (ranks + shift) % fabric.ranks, 1e9)
        assert (ran.finish_s - ran.latency_s) == pytest.approx(8e9 / (4e11 * 0.96), rel=1e-9)


@pytest.mark.parametrize(("network", "share"), [("infiniband", 0.96), ("roce", 0.925)])
def test_a_transfer_uses_every_adapter_of_its_rank(network, share):
    """Two adapters of 100 Gbit/s per GPU carry what one of 200 Gbit/s does, less headers."""
    cluster = load("hgx-a100", nodes=2, nics_per_node=16, nic="100Gbps", network=network)
    sent = Network(cluster).transfer([0], [8], [1e9])
    seconds = 8e9 / (2 * 100e9 * share) + sent.latency_s[0]
    assert sent.finish_s[0] == pytest.approx(seconds, rel=1e-9)
