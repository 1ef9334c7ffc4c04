"""Parking lot and victim: what buffers that push back do to those who only pass by."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.network import Network

LINE_BPS = 1e11


@pytest.fixture(scope="module", params=[2, 4, 8])
def lot(request):
    """k - 1 senders beside the sinks and A behind one link send to the same sink; the victim V shares that link with A
    and goes to a sink of its own. `(fabric, src, dst)`, A first, V second."""
    k = request.param
    builder = FabricBuilder("parking lot", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(k + 3)))
    far, near = builder.add_nodes(NodeKind.LEAF, ["far", "near"])
    builder.add_cables(hosts, np.where(np.arange(k + 3) < 2, far, near), LINE_BPS, 500)
    builder.add_cables([far], [near], LINE_BPS, 500)
    senders = np.arange(k + 1)
    return k, builder.build(), senders, np.where(senders == 1, k + 2, k + 1)


def _shares(lot, transport, **parameters):
    """Rates over the payload rate of a line: of A, of V, of one of the others. V sends less, so that it meets the
    others all its life."""
    k, fabric, src, dst = lot
    network = Network(fabric, transport=transport, parameters=parameters)
    ran = network.transfer(src, dst, np.where(src == 1, 3e8 / k, 3e8))
    return ran.rate_bps[:3] / (LINE_BPS * network.carrier.packets.share)


@pytest.mark.parametrize(("transport", "parameters"), [("infiniband", {}), ("roce", {})])
def test_without_control_the_victim_falls_to_one_kth(lot, transport, parameters):
    """Each ingress port of the congested output is served alike, and V waits behind A."""
    k = lot[0]
    a, victim, other = _shares(lot, transport, cc="none")
    assert victim == pytest.approx(1 / k, rel=0.1)
    assert a == pytest.approx(1 / k, rel=0.1)
    assert other == pytest.approx(1 / k, rel=0.1)


@pytest.mark.parametrize(
    ("transport", "cc", "used"),
    [
        ("infiniband", "cct", 1),
        ("roce", "dcqcn", 1),
        ("roce", "hpcc", 0.955),
        ("roce", "timely", 1),
        ("roce", "swift", 1),
    ],
)
def test_with_control_the_victim_gets_what_is_left(lot, transport, cc, used):
    """A has its k-th of the sink, V the rest of the link, less what the law leaves idle and its wait in one queue."""
    k = lot[0]
    a, victim, _ = _shares(lot, transport, cc=cc)
    assert a == pytest.approx(used / k, rel=0.02)
    assert victim == pytest.approx(used * (1 - 1 / k), rel=0.05)


def test_a_law_whose_queue_exceeds_the_pause_threshold_saves_no_one(lot):
    """TIMELY holds 50 us of queue, 625 KB; a threshold of 100 KB pauses long before."""
    k = lot[0]
    _, victim, _ = _shares(lot, "roce", cc="timely", pfc_xoff="100kB", pfc_xon="80kB")
    assert victim == pytest.approx(1 / k, rel=0.15)


def test_losses_save_the_victim_and_go_back_n_costs_the_others(lot):
    """k senders at line rate into one: p = 1 - 1/k. Selective repeat keeps all that gets through, 1/k each; V loses
    where A and V are together more than a line, and nothing else."""
    k = lot[0]
    a, victim, _ = _shares(lot, "roce", cc="none", loss_recovery="selective-repeat")
    assert a == pytest.approx(1 / k, rel=0.02)
    assert victim == pytest.approx(1 - 1 / k, rel=0.02)
    thrown, _, _ = _shares(lot, "roce", cc="none", loss_recovery="go-back-n", buffer="20kB")
    assert thrown < 0.5 * a
    less, _, _ = _shares(lot, "roce", cc="none", loss_recovery="go-back-n", buffer="200kB")
    assert less < thrown


def test_a_burst_that_the_buffer_takes_loses_nothing(star):
    """Eight times 200 kB at eight times the line rate: 1.4 MB wait of 2.5 MB that a port has; of ten times as much the
    rest is lost."""
    network = Network(star(9), transport="roce", parameters={"cc": "none", "loss_recovery": "go-back-n"})
    short, long = (network.transfer(np.arange(1, 9), np.zeros(8, int), size) for size in (2e5, 2e6))
    assert not short.notes
    assert short.makespan_s - short.latency_s[0] == pytest.approx(8 * 8 * 2e5 / (LINE_BPS * 0.925))
    wire_bytes = 8 * 2e6 / 0.925
    assert f"loses {1 - 1 / 8 - 2.5e6 / wire_bytes:.1%} of its packets" in long.notes[0]


def test_incast_fills_the_receivers_line_whatever_the_senders(star):
    """The sum at line rate less headers, each sender alike."""
    for count in (2, 16, 256):
        fabric = star(count + 1)
        for transport, cc in (("infiniband", "cct"), ("roce", "dcqcn"), ("roce", "swift")):
            network = Network(fabric, transport=transport, parameters={"cc": cc})
            ran = network.transfer(np.arange(1, count + 1), np.zeros(count, dtype=int), 1e8)
            moved_s = ran.finish_s - ran.latency_s
            assert moved_s == pytest.approx(count * 8e8 / (LINE_BPS * network.carrier.packets.share), rel=1e-6)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"cc": "none", "ecn_kmax": "1MB"}, "ecn_kmax: does nothing under cc=none"),
        ({"cc": "hpcc", "dcqcn_set": "paper"}, "dcqcn_set: does nothing under cc=hpcc"),
        ({"loss_recovery": "go-back-n", "pfc_xoff": "1MB", "pfc_xon": "1kB"}, "pfc_xoff: does nothing where packets"),
        ({"buffer": "1MB"}, "buffer: does nothing where ports pause"),
        ({"pfc_xoff": "1MB"}, "is given alone"),
        ({"cc": "none", "pfc_xoff": "1MB", "pfc_xon": "2MB"}, "not below"),
        ({"dcqcn_set": "simulator", "ecn_kmin": "1MB"}, "give all three"),
        ({"ecn_kmin": "1MB"}, "below ecn_kmin"),
        ({"ecn_pmax": "1.5"}, "no probability"),
        ({"dcqcn_set": "mine"}, "not known"),
    ],
)
def test_knobs_of_roce_act_or_are_refused(star, parameters, complaint):
    with pytest.raises(SpecError, match=complaint):
        Network(star(2), transport="roce", parameters=parameters)


def test_knobs_of_infiniband_act_or_are_refused(star):
    for parameters, complaint in (
        ({"cc": "none", "cc_timer": "10"}, "cc_timer: does nothing without cc"),
        ({"cc": "none", "cc_threshold": "3"}, "cc_threshold: does nothing without cc"),
        ({"buffer": "1kB"}, "no credit is ever given"),
        ({"cc_threshold": "16"}, "above 15"),
    ):
        with pytest.raises(SpecError, match=complaint):
            Network(star(2), transport="infiniband", parameters=parameters)


def test_headroom_too_small_for_cable_and_speed_is_refused(star):
    with pytest.raises(SpecError, match="needs 108544 bytes"):
        Network(star(2), transport="roce", parameters={"pfc_headroom": "50kB"}).transfer([0], [1], 1e6)
    Network(star(2), transport="roce", parameters={"pfc_headroom": "200kB"}).transfer([0], [1], 1e6)


def test_headroom_that_leaves_nothing_of_the_buffer_is_refused(star):
    """16 MB per 50 Gbit/s are 32 MB at 100: two ports of 16 MB are all of it."""
    with pytest.raises(SpecError, match="leave nothing of the buffer of"):
        Network(star(2), transport="roce", parameters={"pfc_headroom": "16MB"}).transfer([0], [1], 1e6)


def test_marks_too_rare_for_the_timer_leave_the_victim_to_credits(lot):
    """A table stepped back every 1.024 us by packets that come every 6 us and more: as without control."""
    starved = _shares(lot, "infiniband", mtu="72000B", cc_timer=1)
    assert starved == pytest.approx(_shares(lot, "infiniband", mtu="72000B", cc="none"))


def test_credits_of_a_small_buffer_limit_a_link(star):
    """100 Gbit/s x 1 us of round trip and a packet are 16,622 bytes, of which two packets are 8,244."""
    whole, half = (
        Network(star(2), transport="infiniband", parameters=parameters).transfer([0], [1], 1e8).finish_s[0]
        for parameters in ({}, {"buffer": "8244B"})
    )
    assert half == pytest.approx(16_622 / 8_244 * whole, rel=1e-3)


def test_marking_moves_the_wait_of_those_who_pass(star):
    """A flow that crosses a contended link without being limited by it waits in its queue: none here but the limiting
    one, so its own bytes; the queue itself follows ecn_kmax."""
    fabric = star(9)
    queues = []
    for kmax in ("100kB", "400kB"):
        network = Network(fabric, transport="roce", parameters={"ecn_kmax": kmax})
        ran = network.transfer(np.arange(1, 9), np.zeros(8, dtype=int), 1e8)
        queues.append(ran.queues.mean_bytes.max())
    assert queues[1] > 1.5 * queues[0]


def test_an_unstable_set_is_told_with_the_result():
    """40 Gbit/s and 85 us of feedback: 10 flows swing (Zhu et al. 2016), 2 do not."""
    builder = FabricBuilder("slow star", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(11)))
    (hub,) = builder.add_nodes(NodeKind.SWITCH, ["hub"])
    builder.add_cables(hosts, hub, 40e9, 21_250)
    network = Network(builder.build(), transport="roce", parameters={"mtu": "1082B"})
    many = network.transfer(np.arange(1, 11), np.zeros(10, dtype=int), 1e8)
    few = network.transfer(np.arange(1, 3), np.zeros(2, dtype=int), 1e8)
    assert any("phase margin" in note for note in many.notes)
    assert not few.notes
