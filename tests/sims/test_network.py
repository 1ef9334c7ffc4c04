"""Transfers on tiny fabrics against arithmetic on their wiring."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import InputError, RoutingError, SpecError, UnknownNameError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective
from fabricsim.sims.network import Detail, Network, network_for
from fabricsim.sims.traffic import traffic
from fabricsim.sims.transports import SWITCH
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

GB = 1e9


def test_a_transfer_takes_its_bytes_at_line_rate_and_the_latency_of_its_path(star):
    ran = Network(star(2), transport="ideal").transfer([0], [1], [GB])
    assert ran.finish_s == pytest.approx([8 * GB / 1e11 + 1e-6], rel=1e-12)
    assert ran.latency_s == pytest.approx([1e-6])
    assert ran.rate_bps == pytest.approx(8 * GB / ran.finish_s)


def test_transfers_into_one_port_share_it_and_name_it_as_bottleneck(star):
    ran = Network(star(4), transport="ideal").transfer([0, 1, 2], [3, 3, 3], GB)
    assert ran.finish_s == pytest.approx(3 * 8 * GB / 1e11 + 1e-6)
    assert ran.bottleneck.kind == "network"
    assert ran.bottleneck.name == "switch-0:4 -> host-3"
    assert ran.bottleneck.utilisation == pytest.approx(1)


def test_start_times_shift_transfers_that_do_not_meet(star):
    ran = Network(star(4), transport="ideal").transfer([0, 2], [1, 3], GB, start_s=[0.0, 1.0])
    assert ran.finish_s - ran.start_s == pytest.approx(8 * GB / 1e11 + 1e-6)


def test_a_transfer_to_oneself_takes_no_time(star):
    assert Network(star(2)).transfer([1], [1], [GB]).finish_s == pytest.approx([0.0], abs=0)


def test_bytes_on_a_link_are_those_of_the_transfers_that_cross_it(star):
    ran = Network(star(3)).transfer([0, 0, 1], [1, 2, 2], [1.0, 2.0, 4.0])
    up, down = ran.link_bytes[0::2], ran.link_bytes[1::2]
    assert up == pytest.approx([3, 4, 0])
    assert down == pytest.approx([0, 1, 6])


def test_more_detail_never_takes_less_time_where_one_flow_runs_alone(two_leaves):
    network = Network(two_leaves(2, 2))
    times = [network.at(detail).transfer([0], [2], GB).finish_s[0] for detail in Detail]
    assert times == sorted(times)
    assert times[0] == 0.0


def test_each_detail_adds_what_it_says(two_leaves):
    """Four hosts cross to the other leaf over one spine: ports allow line rate, the wiring a quarter of it."""
    network = Network(two_leaves(4, 1), transport="ideal")
    seconds = {d: network.at(d).transfer(np.arange(4), np.arange(4, 8), GB).makespan_s for d in Detail}
    assert seconds[Detail.INFINITE] == 0
    assert seconds[Detail.PORTS] == pytest.approx(0.08, rel=1e-12)
    assert seconds[Detail.LATENCY] == pytest.approx(0.08 + 2e-6, rel=1e-12)
    assert seconds[Detail.WIRING] == pytest.approx(0.32 + 2e-6, rel=1e-12)


def test_hashed_paths_collide_where_the_fractional_split_would_not(two_leaves):
    """Eight hosts cross over eight spines: split evenly at line rate, hashed two share a spine."""
    ports_s = 8 * GB / 1e11 / 0.925 + 2e-6
    slowest = []
    for seed in range(10):
        network = Network(two_leaves(8, 8), transport="roce", seed=seed)
        split, hashed = (
            network.at(d).transfer(np.arange(8), np.arange(8, 16), GB).makespan_s
            for d in (Detail.WIRING, Detail.ROUTING)
        )
        assert split == pytest.approx(ports_s, rel=1e-9)
        slowest.append(hashed / split)
    assert min(slowest) >= 1 - 1e-12
    assert np.median(slowest) >= 2 * (1 - 1e-3)


def test_seeing_a_network_at_another_detail_leaves_it_as_it_was(star):
    network = Network(star(2))
    assert network.at(Detail.PORTS).detail == Detail.PORTS
    assert network.detail == Detail.TRANSPORT


def test_a_domain_spreads_over_its_nvswitches_by_width():
    """HGX H100: 18 links of 25 GB/s over four switches of 5, 4, 4, 5; rings reach 370 of the 450 GB/s (GTC24
    S62129)."""
    fabric = load("hgx-h100", nodes=1)
    ran = Network(fabric).transfer([0], [1], 370 * GB)
    assert ran.finish_s == pytest.approx(1 + ran.latency_s, rel=1e-9)
    carried = {
        fabric.link_label(int(link)): ran.link_bytes[link] / (370 * GB) for link in np.flatnonzero(ran.link_bytes)
    }
    out = [share for name, share in carried.items() if name.startswith("gpu-0-0")]
    assert out == pytest.approx([5 / 18, 4 / 18, 4 / 18, 5 / 18])


def test_traffic_with_the_switches_of_a_domain_uses_one_direction_of_the_ranks_links():
    fabric = load("hgx-h100", nodes=1)
    up = Network(fabric).transfer([0], [SWITCH], 370 * GB)
    both = Network(fabric).transfer([0, SWITCH], [SWITCH, 0], 370 * GB)
    assert both.finish_s - both.latency_s == pytest.approx([1, 1], rel=1e-9)
    used = np.flatnonzero(up.link_bytes)
    assert {fabric.label(int(node)) for node in fabric.link_source[used]} == {"gpu-0-0"}
    assert up.link_bytes.sum() == pytest.approx(370 * GB)
    assert set(np.flatnonzero(both.link_bytes)) == set(used) | set(used ^ 1)


@pytest.mark.parametrize(("network", "share"), [("infiniband", 0.96), ("roce", 0.925)])
def test_between_servers_a_gpu_has_the_payload_of_its_nic(network, share):
    fabric = load("hgx-h100", nodes=2, network=network)
    ran = Network(fabric).transfer([0], [8], 50 * GB * share)
    assert ran.finish_s - ran.latency_s == pytest.approx([1], rel=1e-9)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 20))
@settings(max_examples=20, deadline=None)
def test_bytes_are_conserved_whatever_the_transport(seed, count):
    """Every node but the two ends passes on what it gets."""
    builder = FabricBuilder("square", {"network": "roce"})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(6)))
    leaves = builder.add_nodes(NodeKind.LEAF, numbered("l-{}", np.arange(2)))
    spines = builder.add_nodes(NodeKind.SPINE, numbered("s-{}", np.arange(3)))
    builder.add_cables(hosts, np.repeat(leaves, 3), 1e11, 100)
    builder.add_cables(np.repeat(leaves, 3), np.tile(spines, 2), 5e10, 100)
    fabric = builder.build()
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 6, count)
    dst = (src + rng.integers(1, 6, count)) % 6
    size = rng.uniform(1, 1e9, count)
    for transport, parameters in (("roce", {"qps": 3}), ("infiniband", {}), ("ideal", {})):
        ran = Network(fabric, transport=transport, parameters=parameters).transfer(src, dst, size)
        into = np.bincount(fabric.link_target, weights=ran.link_bytes, minlength=fabric.nodes)
        out = np.bincount(fabric.link_source, weights=ran.link_bytes, minlength=fabric.nodes)
        born = np.bincount(src, weights=size, minlength=6)
        due = np.bincount(dst, weights=size, minlength=6)
        assert out[hosts] == pytest.approx(born, rel=1e-9)
        assert into[hosts] == pytest.approx(due, rel=1e-9)
        assert into[6:] == pytest.approx(out[6:], rel=1e-9)


def test_unreachable_ranks_are_refused():
    builder = FabricBuilder("islands")
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(4)))
    builder.add_cables(hosts, np.repeat(builder.add_nodes(NodeKind.SWITCH, ["a", "b"]), 2), 1e11, 0)
    with pytest.raises(RoutingError, match="h-0 to h-2"):
        Network(builder.build()).transfer([0], [2], [1.0])


def test_the_dynamic_rung_is_refused_and_unknown_ones_are_named(star):
    with pytest.raises(InputError, match="dynamic is not simulated yet"):
        network_for(star(2), "dynamic", "auto", "auto", 0, {})
    with pytest.raises(UnknownNameError, match="bound, fluid, transport"):
        network_for(star(2), "packet", "auto", "auto", 0, {})


def test_ranks_that_only_a_cable_between_them_joins_are_refused():
    builder = FabricBuilder("pair")
    hosts = builder.add_nodes(NodeKind.HOST, ["a", "b"])
    builder.add_cables(hosts[:1], hosts[1:], 1e11, 0)
    with pytest.raises(RoutingError, match="a to b"):
        Network(builder.build()).transfer([0], [1], [1.0])


def test_accelerators_cabled_to_a_switch_themselves_send_at_the_rate_of_their_cables():
    builder = FabricBuilder("bare", {"network": "infiniband", "assumptions": []})
    ends = builder.add_nodes(NodeKind.ACCELERATOR, ["a", "b"])
    builder.add_cables(ends, np.repeat(builder.add_nodes(NodeKind.SWITCH, ["s"]), 2), 1e11, 500)
    ran = Network(builder.build(), transport="ideal").transfer([0], [1], [1e9])
    assert ran.finish_s == pytest.approx([8e9 / 1e11 + 1e-6], rel=1e-12)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_that_no_kernel_takes_is_refused(star, seed):
    with pytest.raises(SpecError, match="seed"):
        network_for(star(2), "transport", "auto", "auto", seed, {})


@pytest.mark.parametrize("parameters", [[1], "qps=4", 4])
def test_parameters_without_names_are_refused(star, parameters):
    flows = {"src": [0], "dst": [1], "bytes": [1]}
    for transport in ("roce", {"name": "roce"}):
        with pytest.raises(SpecError, match=r"parameters: .* names no parameters"):
            traffic(star(2), flows, transport=transport, parameters=parameters)
    with pytest.raises(SpecError, match=r"parameters: .* names no parameters"):
        collective(star(2), parameters=parameters)


def test_knobs_that_do_nothing_on_a_rung_are_refused_all_at_once(star):
    with pytest.raises(SpecError) as caught:
        network_for(star(2), "fluid", "roce", "ecmp", 0, {"qps": "4", "mtu": "4096B"})
    assert [fault.field for fault in caught.value.faults] == ["transport.qps", "transport.mtu", "routing"]
    with pytest.raises(SpecError, match="transport: does nothing at fidelity bound"):
        network_for(star(2), "bound", "roce", "auto", 0, {})


def test_equal_seeds_give_equal_answers_and_other_seeds_other_paths(two_leaves):
    fabric = two_leaves(8, 8)
    runs = [Network(fabric, transport="roce", seed=s).transfer(np.arange(8), np.arange(8, 16), GB) for s in (5, 5, 6)]
    assert np.array_equal(runs[0].finish_s, runs[1].finish_s)
    assert not np.array_equal(runs[0].link_bytes, runs[2].link_bytes)
