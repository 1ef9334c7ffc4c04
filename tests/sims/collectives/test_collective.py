"""Collectives on tiny fabrics against the closed forms of the literature, and against bounds that nothing may
beat."""

import json

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import InputError, RoutingError, SpecError, UnitError, UnknownNameError, WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective, collective_time_s
from fabricsim.sims.collectives.bound import bounds_s_per_byte
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.sizes import rounded, sizes
from fabricsim.sims.collectives.tree import double_tree_edges
from fabricsim.sims.network import Detail, Network
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

ALPHA_S = 1e-6
BETA_S = 8 / 1e11
SIZE = 2**20 * 5040
"""A multiple of 16 n for every n up to 10, near 5 GB."""


def seconds(fabric, op="all-reduce", size=SIZE, **how):
    return collective(fabric, op, size, **how).rows[0].time_us * 1e-6


@pytest.mark.parametrize("n", range(2, 34))
def test_ring_operations_take_the_time_of_the_closed_form(star, n):
    """Patarasuk and Yuan 2009: 2(n - 1)(alpha + S beta / n), half of it for reduce-scatter and all-gather."""
    fabric, size = star(n), 16 * n * 2**20
    step_s = ALPHA_S + size / n * BETA_S
    ideal = {"size": size, "algorithm": "ring", "transport": "ideal"}
    assert seconds(fabric, **ideal) == pytest.approx(2 * (n - 1) * step_s, rel=1e-9)
    for op in ("reduce-scatter", "all-gather"):
        assert seconds(fabric, op, **ideal) == pytest.approx((n - 1) * step_s, rel=1e-9)


@pytest.mark.parametrize("n", range(2, 34))
def test_a_pipelined_tree_takes_the_time_of_its_fullest_port(star, n):
    """2 ceil(log2 n) alpha, and half of the data for each edge at the port that has most: 2 S beta where an inner
    node of one tree has two children (Sanders, Speck and Traff 2009)."""
    child, parent, _ = double_tree_edges(n)
    edges = np.bincount(np.concatenate((child, parent))).max()
    hops = int(np.ceil(np.log2(n)))
    expected = 2 * hops * ALPHA_S + edges / 2 * SIZE * BETA_S
    assert edges == min(n, 4)
    assert seconds(star(n), algorithm="tree", transport="ideal") == pytest.approx(expected, rel=1e-9)


def test_send_and_receive_take_one_message(star):
    assert seconds(star(5), "send-recv", transport="ideal") == pytest.approx(ALPHA_S + SIZE * BETA_S, rel=1e-9)


@pytest.mark.parametrize(("nodes", "per_node"), [(2, 8), (3, 8), (4, 4)])
def test_hierarchical_stages_add_up(nodes, per_node):
    """2(G - 1)/G S / B1 inside at the ring's 370 GB/s, 2(N - 1)/N S/G / B2 on rails of 48 GB/s; all of LL128, Simple
    and LL."""
    fabric = load("hgx-h100", nodes=nodes)
    ranks = np.add.outer(8 * np.arange(nodes), np.arange(per_node)).ravel()
    times = [
        collective(fabric, size=size, algorithm="hierarchical", ranks=ranks).rows[0].time_us for size in (2**36, 2**37)
    ]
    inside = 2 * (per_node - 1) / per_node * 2**36 / 370e9
    rails = 2 * (nodes - 1) / nodes * 2**36 / per_node / 48e9
    assert (times[1] - times[0]) * 1e-6 == pytest.approx(inside + rails, rel=1e-9)


def test_bus_bandwidth_of_one_domain_is_that_of_its_ring():
    row = collective(load("hgx-a100", nodes=1), size="16GiB", algorithm="ring").rows[0]
    assert row.busbw_GBps == pytest.approx(232, rel=0.01)
    assert row.busbw_GBps == pytest.approx(row.algbw_GBps * 2 * 7 / 8)
    assert row.algbw_GBps == pytest.approx(row.size_bytes / row.time_us / 1e3)


@pytest.mark.parametrize(("network", "payload"), [("infiniband", 0.96), ("roce", 0.925)])
@pytest.mark.parametrize("nodes", [2, 4])
def test_rings_over_servers_run_all_their_nics_at_payload_rate(network, payload, nodes):
    fabric = load("hgx-h100", nodes=nodes, network=network)
    times = [collective(fabric, size=size, algorithm="ring").rows[0].time_us * 1e-6 for size in (2**37, 2**38)]
    busbw = 2**37 / (times[1] - times[0]) * 2 * (8 * nodes - 1) / (8 * nodes)
    assert busbw == pytest.approx(8 * 50e9 * payload, rel=1e-9)


def test_other_jobs_groups_share_the_links_they_meet_on(two_leaves):
    """Two rings of two hosts cross one spine cable side by side: each direction carries both, so they take twice as
    long."""
    network = Network(two_leaves(2, 1), transport="ideal")
    one = collective_time_s(network, "all-reduce", [[0, 2]], SIZE, "ring")
    both = collective_time_s(network, "all-reduce", [[0, 2], [1, 3]], SIZE, "ring")
    latency_s = 2 * 2e-6
    assert one - latency_s == pytest.approx(SIZE * BETA_S, rel=1e-9)
    assert both - latency_s == pytest.approx(2 * (one - latency_s), rel=1e-9)


def test_groups_in_domains_of_their_own_do_not_slow_each_other():
    network = Network(load("hgx-h100", nodes=4))
    groups = [np.arange(8) + 8 * server for server in range(4)]
    one = collective_time_s(network, "all-reduce", groups[:1], 2**30)
    assert collective_time_s(network, "all-reduce", groups, 2**30) == pytest.approx(one, rel=1e-9)


def test_ladder_of_detail_rises_from_nothing():
    network = Network(load("hgx-h100", nodes=2))
    times = [collective_time_s(network.at(d), "all-reduce", [np.arange(16)], 2**24) for d in Detail]
    assert times[0] == 0
    assert times == sorted(times)
    assert times[1] < times[2], "protocols have latency"


def test_a_start_up_of_the_installation_is_paid_once_per_collective():
    quick, slow = (seconds(load("hgx-h100", nodes=1, base_latency=base), size=8) for base in ("0us", "16us"))
    assert slow - quick == pytest.approx(16e-6)


def test_longer_cables_make_small_messages_slower():
    near, far = (seconds(load("hgx-h100", nodes=2, hop_latency=hop), size=8) for hop in ("100ns", "10us"))
    assert far > near + 2 * 9.9e-6


@pytest.mark.parametrize("gpus", [5, 6, 7, 8])
def test_switch_reduction_has_the_published_bandwidth_at_every_number_of_ranks(gpus):
    """NCCL's maintainers, NVIDIA/nccl issue 1455: 420, 440, 460, 480 GB/s for 5 to 8 ranks."""
    row = collective(load("hgx-h100", nodes=1), size="16GiB", algorithm="nvls", ranks=np.arange(gpus)).rows[0]
    assert row.busbw_GBps == pytest.approx({5: 420, 6: 440, 7: 460, 8: 480}[gpus], rel=0.025)


def test_small_messages_go_by_low_latency_rings_and_large_ones_through_the_switches():
    """NCCL in one HGX H100: ring with LL below about 2 MiB, NVLS above."""
    rows = collective(load("hgx-h100", nodes=1), size="8B:1GiB").rows
    assert {(row.algorithm, row.protocol) for row in rows if row.size_bytes <= 2**19} == {("ring", "LL")}
    assert {(row.algorithm, row.protocol) for row in rows if row.size_bytes >= 2**23} == {("nvls", "Simple")}


def test_times_rise_with_size():
    for fabric in (load("hgx-h100", nodes=1), load("hgx-a100", nodes=2)):
        times = [row.time_us for row in collective(fabric, size="8B:16GiB", algorithm="ring").rows]
        assert times == sorted(times)


def test_the_document_has_the_keys_of_the_contract_and_is_json(star):
    document = json.loads(json.dumps(collective(star(4), size="1MiB:2MiB").to_dict(), allow_nan=False))
    assert list(document) == ["fabric", "gpus", "rows", "assumptions"]
    assert [row["size_bytes"] for row in document["rows"]] == [2**20, 2**21]
    assert list(document["rows"][0]) == [
        "op",
        "size_bytes",
        "ranks",
        "algorithm",
        "protocol",
        "transport",
        "fidelity",
        "time_us",
        "algbw_GBps",
        "busbw_GBps",
        "bound_time_us",
        "bound_fraction",
        "bottleneck",
    ]
    assert set(document["rows"][0]["bottleneck"]) == {"kind", "name", "utilisation"}


def test_what_limits_is_named():
    small, large = collective(load("hgx-h100", nodes=2), size="8B").rows[0], seconds_row("ring")
    assert small.bottleneck.kind == "latency"
    assert small.bottleneck.utilisation > 0.99
    assert (large.bottleneck.kind, large.transport) == ("network", "infiniband")
    assert large.bottleneck.utilisation == pytest.approx(1, abs=0.01)
    assert "nic-" in large.bottleneck.name


def seconds_row(algorithm):
    return collective(load("hgx-h100", nodes=2), size="64GiB", algorithm=algorithm).rows[0]


def test_bounds_of_a_star_are_those_of_one_port(star):
    """Chan et al. 2007: 2(n - 1)/n S beta for all-reduce, half for reduce-scatter and all-gather."""
    network = Network(star(5))
    comm = Communicator.of(network, np.arange(5))
    for op, factor in {"all-reduce": 8 / 5, "reduce-scatter": 4 / 5, "all-gather": 4 / 5, "send-recv": 1}.items():
        assert bounds_s_per_byte(network, comm, op)[0] == pytest.approx(factor * BETA_S)


def test_bounds_of_servers_are_those_of_their_nics_or_their_switches():
    """Between 4 servers 2 (3/4) S / 400 GB/s; in one, S / 450 GB/s, as NVSwitches reduce."""
    four, one = (Network(load("hgx-h100", nodes=nodes)) for nodes in (4, 1))
    assert bounds_s_per_byte(four, Communicator.of(four, np.arange(32)), "all-reduce")[0] == pytest.approx(1.5 / 400e9)
    assert bounds_s_per_byte(one, Communicator.of(one, np.arange(8)), "all-reduce")[0] == pytest.approx(1 / 450e9)
    assert bounds_s_per_byte(one, Communicator.of(one, np.arange(8)), "all-gather")[0] == pytest.approx(7 / 8 / 450e9)


def test_the_bound_rung_is_the_bound(star):
    row = collective(star(5), size=SIZE, fidelity="bound").rows[0]
    assert row.time_us == row.bound_time_us == pytest.approx(8 / 5 * SIZE * BETA_S * 1e6)
    assert (row.algorithm, row.bound_fraction) == ("any", 1.0)


@given(seed=st.integers(0, 2**32 - 1), op=st.sampled_from(["all-reduce", "reduce-scatter", "all-gather", "send-recv"]))
@settings(max_examples=25, deadline=None)
def test_no_time_is_below_the_bound_on_random_fabrics_of_hosts(seed, op):
    """Hosts with links of random speed on a random connected graph of switches."""
    rng = np.random.default_rng(seed)
    hosts, switches = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    builder = FabricBuilder("random", {"network": "infiniband"})
    ends = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(hosts)))
    hubs = builder.add_nodes(NodeKind.SWITCH, numbered("s-{}", np.arange(switches)))
    builder.add_cables(ends, rng.choice(hubs, hosts), rng.uniform(1e10, 4e11, hosts), 0)
    if switches > 1:
        builder.add_cables(hubs[1:], hubs[:-1], rng.uniform(1e10, 4e11, switches - 1), 0)
    fabric = builder.build()
    for fidelity in ("fluid", "transport"):
        row = collective(fabric, op, "1GiB", fidelity=fidelity).rows[0]
        assert row.bound_fraction <= 1 + 1e-9
    ideal = collective(fabric, op, "1GiB", transport="ideal").rows[0]
    assert ideal.bound_fraction <= 1 + 1e-9


@given(
    ranks=st.lists(st.integers(0, 23), min_size=2, unique=True),
    op=st.sampled_from(["all-reduce", "reduce-scatter", "all-gather", "send-recv"]),
    algorithm=st.sampled_from(["auto", "ring", "tree", "hierarchical", "nvls", "nvls-tree", "send-recv"]),
)
@settings(max_examples=40, deadline=None)
def test_no_time_is_below_the_bound_for_any_ranks_of_servers(three_servers, ranks, op, algorithm):
    try:
        row = collective(three_servers, op, "16GiB", algorithm, ranks=np.array(ranks)).rows[0]
    except WorkloadError:
        assert algorithm != "auto"
        return
    assert row.bound_fraction <= 1 + 1e-9


def test_sizes_are_stepped_and_rounded_as_nccl_tests_does():
    assert sizes("8B:64B") == (8, 16, 32, 64)
    assert sizes("1KiB:3KiB") == (1024, 2048)
    assert sizes("1GiB") == sizes(2**30) == (2**30,)
    assert rounded("all-gather", 1000, 8) == 896
    assert rounded("all-reduce", 1000, 8) == 1000


@pytest.mark.parametrize("size", ["0B", 0, -8, "2MiB:1MiB", "1B:2B:3B", "0B:8B"])
def test_sizes_without_sense_are_refused(star, size):
    with pytest.raises(WorkloadError, match="no range of sizes"):
        collective(star(2), size=size)


@pytest.mark.parametrize(
    ("how", "error", "complaint"),
    [
        ({"size": "1024"}, UnitError, "has no unit"),
        ({"op": "allreduce"}, UnknownNameError, "did you mean all-reduce"),
        ({"algorithm": "rings"}, UnknownNameError, "did you mean ring"),
        ({"algorithm": "nvls"}, WorkloadError, "no NVSwitches"),
        ({"algorithm": "nvls-tree"}, WorkloadError, "no NVSwitches"),
        ({"op": "all-gather", "algorithm": "tree"}, WorkloadError, "tree does not run all-gather"),
        ({"algorithm": ["ring"]}, UnknownNameError, "unknown algorithm"),
        ({"transport": "udp"}, UnknownNameError, "unknown transport 'udp'"),
        ({"transport": ["roce"]}, SpecError, "transport: .* is no name"),
        ({"routing": 1, "fidelity": {}}, SpecError, "(?s)fidelity: .* is no name.*routing: 1 is no name"),
        ({"size": True}, WorkloadError, "True is no size"),
        ({"op": "all-to-all-v", "skew": "steep"}, SpecError, "skew: 'steep' is outside"),
        ({"routing": "magic"}, UnknownNameError, "unknown routing rule"),
        ({"ranks": [0, 9]}, WorkloadError, "outside 0..3"),
        ({"fidelity": "dynamic"}, InputError, "not simulated yet"),
        ({"fidelity": "bound", "algorithm": "ring"}, SpecError, "does nothing at fidelity bound"),
        ({"parameters": {"qps": "4"}}, SpecError, "same path"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(star, how, error, complaint):
    with pytest.raises(error, match=complaint):
        collective(star(4), **how)


def test_algorithms_that_do_not_fit_the_machines_are_refused():
    with pytest.raises(WorkloadError, match="span several"):
        collective(load("hgx-h100", nodes=2), algorithm="nvls")
    with pytest.raises(WorkloadError, match="Hopper on, not with A100"):
        collective(load("hgx-a100", nodes=1), algorithm="nvls")
    with pytest.raises(WorkloadError, match="different numbers of ranks"):
        collective(load("hgx-h100", nodes=2), algorithm="hierarchical", ranks=np.arange(12))


def test_a_rank_in_two_groups_is_refused(star):
    with pytest.raises(WorkloadError, match="in two groups"):
        collective_time_s(Network(star(4)), "all-reduce", [[0, 1], [1, 2]], 8)


def test_ranks_cut_off_are_refused():
    builder = FabricBuilder("islands")
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(3)))
    builder.add_cables(hosts[:2], builder.add_nodes(NodeKind.SWITCH, ["s"])[0], 1e11, 0)
    for fidelity in ("bound", "transport"):
        with pytest.raises(RoutingError, match="h-2"):
            collective(builder.build(), fidelity=fidelity)


def test_a_ring_over_two_tiers_of_nvswitches_is_as_fast_as_over_one_and_there_is_no_multicast():
    """A ring leaves each rack once, so even at 2:1 the links up are no bottleneck; hop latency is set to none."""
    same = {"hop_latency": "0ns", "link": "200Gbps"}
    racks, one = load("nvlink_domain", racks=4, oversubscription=2, **same), load("nvlink_domain", gpus=32, **same)
    ring = {"size": 2**34, "algorithm": "ring"}
    assert seconds(racks, **ring) == pytest.approx(seconds(one, **ring), rel=1e-6)
    with pytest.raises(InputError, match="two tiers"):
        collective(racks, size=2**34, algorithm="nvls")


def test_all_to_all_over_two_tiers_of_nvswitches_is_held_up_by_the_links_up():
    """At 4:1 a rack of 8 has 36 NVLinks up, over which 24/32 of what its accelerators send leave it."""
    fabric = load("nvlink_domain", racks=4, oversubscription=4, hop_latency="0ns")
    size = 2**34
    payload_bytes_per_s = 25e9 * 370 / 450  # of an NVLink, at the rate published for H100
    expected_s = 8 * 24 / 32 * size / (36 * payload_bytes_per_s)
    assert expected_s * (1 - 1e-9) <= seconds(fabric, "all-to-all", size) <= 1.2 * expected_s


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": None},
        {"size": 1.5},
        {"op": None},
        {"algorithm": 3},
        {"transport": None},
        {"routing": 3},
        {"seed": "x"},
    ],
    ids=str,
)
def test_values_of_a_wrong_kind_are_input_errors(star, wrong):
    with pytest.raises(InputError):
        collective(star(4), **wrong)


def test_a_name_is_no_fabric():
    with pytest.raises(InputError, match="load it first"):
        collective("fat_tree")


@pytest.mark.parametrize("server", ["hgx-h100", "mi300x"])
def test_ranks_joined_by_scale_up_links_take_no_knob_of_the_network(server):
    fabric = load(server, nodes=2, network="roce")
    how = {"transport": "roce", "routing": "ecmp", "parameters": {"qps": 4, "mtu": "4096B"}}
    assert seconds(fabric, **how) > 0
    with pytest.raises(SpecError, match="they use no network") as caught:
        collective(fabric, ranks=np.arange(8), **how)
    knobs = ["transport", "routing", "transport.qps", "transport.mtu"]
    assert [fault.field for fault in caught.value.faults] == knobs


def test_a_transport_that_decides_what_nccl_runs_on_nvlink_is_taken():
    """The plugin for EFA sets NCCL_NVLS_CHUNKSIZE, which holds on a single server, too."""
    own, said = load("hgx-h100", nodes=1, network="uec"), load("hgx-h100", nodes=1)
    assert seconds(said, transport="uec") == seconds(own) != seconds(said)


def test_a_schedule_too_large_to_be_proven_says_so(star):
    said = {n: collective(star(n), size=SIZE, algorithm="ring").assumptions for n in (64, 65)}
    assert "The schedule of ring is not proven on symbolic data: 65 ranks are more than 64." in said[65]
    assert not any("proven" in sentence for sentence in said[64])
    assert said[64] == collective(star(64), size=SIZE, algorithm="ring", certify=False).assumptions
