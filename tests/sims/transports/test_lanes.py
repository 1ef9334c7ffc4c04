"""Lanes of a wire: what waits in one holds up nothing in another, and none is served but by its weight."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import FlowError, ParseError, SpecError, WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.network import Network
from fabricsim.sims.patterns import levels_in_turn, pattern
from fabricsim.sims.traffic import traffic
from fabricsim.sims.transports import Batch
from fabricsim.sims.transports.infiniband import LANES
from fabricsim.sims.transports.lanes import LaneRule
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

LINE_BPS = 1e11
PACKETS = {"mtu": "4122B", "header": "26B"}
SHARE = 4096 / 4122
CREDITS = {"name": "infiniband", "cc": "none", **PACKETS}
PAUSES = {"name": "roce", "cc": "none", **PACKETS}


@pytest.fixture(scope="module")
def lot():
    """`lot(k)`: k - 1 senders beside the sinks and A behind one link send to the same sink; V shares that link with A
    and goes to a sink of its own. As `(fabric, flows)`, A first, V second; V ends before the others."""

    def build(k):
        builder = FabricBuilder("parking lot", {"network": "infiniband", "assumptions": []})
        hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(k + 3)))
        far, near = builder.add_nodes(NodeKind.LEAF, ["far", "near"])
        builder.add_cables(hosts, np.where(np.arange(k + 3) < 2, far, near), LINE_BPS, 500)
        builder.add_cables([far], [near], LINE_BPS, 500)
        src = np.arange(k + 1)
        size = np.where(src == 1, 3 * 10**8 // k, 3 * 10**8)
        return builder.build(), {"src": src, "dst": np.where(src == 1, k + 2, k + 1), "bytes": size}

    return build


def _shares(fabric, flows, level, transport):
    """Rates over the payload rate of a line."""
    return traffic(fabric, {**flows, "sl": level}, transport=transport).rate_bps / (LINE_BPS * SHARE)


@pytest.mark.parametrize("k", [4, 8])
@pytest.mark.parametrize("transport", [{**CREDITS, "lanes": 2}, {**PAUSES, "priorities": 2}], ids=["credits", "pauses"])
def test_a_victim_is_one_only_in_the_lane_of_the_culprits(lot, k, transport):
    """In their lane it falls to 1/k; in its own it has what A leaves of the link, 1 - 1/k."""
    fabric, flows = lot(k)
    own = (flows["src"] == 1).astype(int)
    assert _shares(fabric, flows, 0 * own, transport)[1] == pytest.approx(1 / k, rel=0.1)
    assert _shares(fabric, flows, own, transport)[1] == pytest.approx(1 - 1 / k, rel=0.01)
    assert _shares(fabric, flows, own, transport)[0] == pytest.approx(1 / k, rel=0.01)


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (4, 1), (1, 15)])
@pytest.mark.parametrize("lanes", ["lane", "priority"])
def test_lanes_that_are_never_empty_share_a_wire_by_weight(star, weights, lanes):
    """Two senders to one sink, each as many bytes as its weight: both end when all have gone."""
    each = {"lane": {**CREDITS, "lanes": 2}, "priority": {**PAUSES, "priorities": 2}}[lanes]
    flows = {"src": [1, 2], "dst": [0, 0], "bytes": [10**8 * weight for weight in weights]}
    shares = _shares(star(3), flows, [0, 1], {**each, f"{lanes}_weights": ",".join(map(str, weights))})
    assert shares == pytest.approx(np.array(weights) / sum(weights), rel=0.01)


def test_what_one_lane_leaves_the_others_take(star):
    """The first lane has an eighth by weight, and the other is empty after 1/8 of its bytes: from then on all of it."""
    flows = {"src": [1, 2], "dst": [0, 0], "bytes": [8 * 10**8, 7 * 10**7]}
    transport = {**CREDITS, "lanes": 2, "lane_weights": "1,7"}
    ran = traffic(star(3), {**flows, "sl": [0, 1]}, transport=transport)
    byte_s = 8 / (LINE_BPS * SHARE)
    assert ran.finish_s == pytest.approx([87 * 10**7 * byte_s, 8 * 10**7 * byte_s], rel=0.01)


@pytest.mark.parametrize("lanes", LANES)
def test_an_incast_keeps_the_receivers_line_busy_in_however_many_lanes(star, lanes):
    flows = {"src": range(1, 16), "dst": [0] * 15, "bytes": [10**7] * 15, "sl": range(15)}
    ran = traffic(star(16), flows, transport={**CREDITS, "lanes": lanes})
    assert ran.makespan_s == pytest.approx(15 * 8e7 / (LINE_BPS * SHARE), rel=0.01)


def test_one_lane_of_several_is_what_one_lane_is():
    """All at one service level, each lane with the buffer that the port had: the same times to the last bit."""
    tree = load("fat_tree", k=4, link="100Gbps")
    flows = {"src": [1, 2, 3, 9, 14, 1], "dst": [0, 0, 0, 0, 0, 13], "bytes": [3 * 10**7] * 6}
    plain, one, several = (
        traffic(tree, {**flows, **level}, transport={**CREDITS, **knobs}).finish_s
        for level, knobs in (
            ({}, {}),
            ({"sl": [0] * 6}, {"lanes": 1}),
            ({"sl": [3] * 6}, {"lanes": 4, "buffer": "1MiB"}),
        )
    )
    assert (plain == one).all()
    assert (plain == several).all()


def test_a_lane_has_its_part_of_the_ports_credits(star):
    """100 Gbit/s x 1 us of round trip and a packet of 4122 are 16,622 bytes: half of that in each of two lanes, half
    the rate for one flow, all of it for two in lanes of their own."""
    transport = {**CREDITS, "lanes": 2, "buffer": "16622B"}
    one, two, third = (
        _shares(star(4), {"src": src, "dst": dst, "bytes": [10**8] * len(src)}, level, transport)
        for src, dst, level in (([1], [0], [0]), ([1, 1], [0, 2], [0, 1]), ([1, 1], [0, 2], [0, 0]))
    )
    assert one == pytest.approx([0.5], rel=0.02)
    assert two == pytest.approx([0.5, 0.5], rel=0.02)
    assert third == pytest.approx([0.25, 0.25], rel=0.02)


def _around(hops=2):
    """Six switches in a ring, every host to the one two on: half of the rings' dependencies close a circle."""
    ring = load("torus", dims=[6], network="infiniband", link="100Gbps")
    return ring, {"src": np.arange(6), "dst": (np.arange(6) + hops) % 6, "bytes": [10**8] * 6}


def test_what_locks_in_one_lane_goes_on_in_those_that_the_routing_asks_for():
    """Dimension order changes to a second lane behind the dateline (Dally and Seitz 1987)."""
    ring, flows = _around()
    with pytest.raises(FlowError, match="give the lanes that the routing asks for"):
        traffic(ring, flows, transport={**CREDITS, "lanes": 1})
    two, asked = (traffic(ring, flows, transport=transport) for transport in ({**CREDITS, "lanes": 2}, CREDITS))
    assert (two.finish_s == asked.finish_s).all()
    assert not any("lanes and has" in said for said in two.assumptions)
    assert 2 * 8e8 / (LINE_BPS * SHARE) <= two.makespan_s < 1.25 * 2 * 8e8 / (LINE_BPS * SHARE)


def test_fewer_lanes_than_the_routing_asks_for_are_told_with_the_result():
    """One after the other flows fill no buffer, and nothing locks."""
    ring, flows = _around()
    flows |= {"dst": [2, 2, 4, 4, 1, 1], "start_s": [0, 0, 0.1, 0.1, 0.2, 0.2]}
    ran = traffic(ring, flows, transport={**CREDITS, "lanes": 1})
    assert any("asks for 2 lanes and has 1" in said for said in ran.assumptions)


def _lanes(rule, flows, level):
    """(lane of each hop, lanes) of flows that have bytes and start together."""
    count = len(flows)
    batch = Batch(flows.at_levels(np.array(level, np.int8)), np.ones(count), np.zeros(count))
    laned, lanes = rule.given(batch)
    return laned.flows.lanes, lanes


def test_each_service_level_has_as_many_lanes_as_the_routing_asks_for():
    """Two on a ring: of four lanes, levels 0 and 2 have the first two, 1 and 3 the others."""
    ring, flows = _around()
    subflows = Network(ring).subflows(flows["src"].astype(np.int32), flows["dst"].astype(np.int32))
    asked = subflows.lanes
    assert set(asked) == {0, 1}
    for level, first in ((0, 0), (1, 2), (2, 0), (3, 2)):
        lanes, count = _lanes(LaneRule(4, LANES), subflows, [level] * 6)
        assert count == 4
        assert (lanes == asked + first).all()
    lanes, count = _lanes(LaneRule(4, LANES, first=(1, 2)), subflows, [1] * 6)
    assert (lanes == asked + 2).all()


def test_a_routing_that_asks_for_more_lanes_than_ports_have_says_so():
    """By the shortest way half around a ring of 40 switches there is a lane more with every hop."""
    builder = FabricBuilder("ring", {"network": "infiniband", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(40)))
    switches = builder.add_nodes(NodeKind.SWITCH, numbered("s-{}", np.arange(40)))
    builder.add_cables(hosts, switches, LINE_BPS, 500)
    builder.add_cables(switches, np.roll(switches, -1), LINE_BPS, 500)
    flows = {"src": np.arange(40), "dst": (np.arange(40) + 20) % 40, "bytes": [10**7] * 40}
    with pytest.raises(SpecError, match="the routing asks for 20 lanes, a port has at most 15"):
        traffic(builder.build(), flows, transport=CREDITS, routing="minimal")


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 24), lanes=st.sampled_from(LANES[1:]))
@settings(max_examples=25, deadline=None)
def test_flows_in_any_lanes_end_and_are_certified(seed, count, lanes):
    """Bytes are conserved, no wire is faster than its rate, nobody faster than alone."""
    tree = load("fat_tree", k=4, link="100Gbps")
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 16, count)
    flows = {"src": src, "dst": (src + rng.integers(1, 16, count)) % 16, "bytes": rng.integers(1, 10**7, count)}
    flows |= {"start_s": rng.uniform(0, 3e-4, count), "sl": rng.integers(0, 16, count)}
    weights = ",".join(map(str, rng.integers(1, 256, lanes)))
    ran = traffic(tree, flows, transport={**CREDITS, "lanes": lanes, "lane_weights": weights})
    wire = flows["bytes"] + np.ceil(flows["bytes"] / 4096) * 26
    assert (ran.finish_s - ran.start_s >= (8 * wire / LINE_BPS + ran.latency_s) * (1 - 1e-9)).all()


def test_explanations_name_the_lane_and_find_no_victim_in_its_own(lot):
    fabric, flows = lot(4)
    for level, victims in ((0, ["1"]), (1, [])):
        levels = np.where(flows["src"] == 1, level, 0)
        ran = traffic(fabric, {**flows, "sl": levels}, transport={**CREDITS, "lanes": 2}, report=True, explain=1)
        assert [str(victim.flow) for victim in ran.report.victims] == victims
        assert [link.link for link in ran.explanation.path][1] == f"far:3 -> near lane {level}"
        assert {link.lane for link in ran.report.links} == {0, level}
        shared = [link for link in ran.report.links if link.link.startswith("far:3 -> near")]
        held = [link.xmit_wait for link in shared]
        assert len(shared) == 1 + level
        assert held[0] > 0
        assert held[1:] == [0] * level


@pytest.mark.parametrize(
    ("transport", "complaint"),
    [
        ({**CREDITS, "lanes": 3}, "transport.lanes: a port has 1, 2, 4, 8, 15 lanes, not 3"),
        (
            {"name": "infiniband", "lanes": 2},
            "transport.lanes: does nothing where senders are held to their fair share",
        ),
        ({**CREDITS, "sl2vl": "0,1"}, "transport.sl2vl: does nothing with one lane"),
        ({**CREDITS, "lanes": 2, "sl2vl": "0,2"}, "transport.sl2vl: lane 2 is outside 0..1"),
        ({**CREDITS, "lanes": 2, "sl2vl": "1"}, "transport.sl2vl: service level 1 has no lane"),
        ({**CREDITS, "lanes": 4, "lane_weights": "1,1"}, "transport.lane_weights: 2 weights for 4 lanes"),
        ({**CREDITS, "lanes": 2, "lane_weights": "1,256"}, "'256' is above 255"),
        ({**CREDITS, "lanes": 8, "buffer": "16kB"}, "in each of 8 lanes: no credit is ever given"),
        ({**PAUSES, "priorities": 9}, "9 is above 8"),
        ({"name": "roce", "priorities": 2}, "transport.priorities: does nothing where senders slow down by a law"),
        ({**PAUSES, "priorities": 2, "loss_recovery": "go-back-n"}, "does nothing where packets are lost"),
        (CREDITS, "sl: does nothing: all flows take the same lanes"),
        (PAUSES, "sl: does nothing: all flows are of one priority"),
        ("tcp", "sl: does nothing: tcp has no lanes"),
    ],
)
def test_knobs_of_lanes_act_or_are_refused(star, transport, complaint):
    flows = {"src": [1, 2], "dst": [0, 0], "bytes": [10**6] * 2, "sl": [0, 1]}
    with pytest.raises(SpecError, match=complaint):
        traffic(star(3), flows, transport=transport)


def test_service_levels_do_nothing_where_no_buffers_are(star):
    flows = {"src": [1], "dst": [0], "bytes": [10**6], "sl": [1]}
    with pytest.raises(SpecError, match="sl: does nothing at fidelity fluid"):
        traffic(star(2), flows, fidelity="fluid")


def test_every_cell_that_is_no_service_level_is_named(star, tmp_path):
    table = tmp_path / "flows.csv"
    table.write_text("src,dst,bytes,sl\n1,0,1000,16\n1,0,1000,3\n1,0,1000,-1\n1,0,1000,low\n")
    with pytest.raises((ParseError, WorkloadError)) as told:
        traffic(star(2), table, transport={**CREDITS, "lanes": 2})
    assert [(fault.line, fault.message.split()[1]) for fault in told.value.faults] == [
        (2, "'16'"),
        (4, "'-1'"),
        (5, "'low'"),
    ]


def test_flows_of_a_pattern_take_levels_in_turns():
    assert pattern("incast", 6, 1000, levels=levels_in_turn("0, 3"))["sl"].tolist() == [0, 3, 0, 3, 0]
    assert "sl" not in pattern("incast", 6, 1000)
    with pytest.raises(WorkloadError, match="'16' is no service level"):
        levels_in_turn("1,16")
