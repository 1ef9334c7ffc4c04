"""What packets, windows and acknowledgements cost a flow alone: closed forms."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.network import Network
from fabricsim.sims.traffic import traffic

RATE = 1e11 / 8
PACKETS = {"mtu": "9064B", "header": "64B"}
LOSSLESS = {"name": "roce", "cc": "none", **PACKETS}


def _alone(fabric, dst=1, size=9000 * 223, **parameters):
    return traffic(fabric, {"src": [0], "dst": [dst], "bytes": [size]}, transport={**LOSSLESS, **parameters})


def _finish_s(fabric, dst=1, size=9000 * 223, **parameters):
    return float(_alone(fabric, dst, size, **parameters).finish_s[0])


@pytest.mark.parametrize("name", ["roce", "uec", "infiniband"])
@pytest.mark.parametrize("packets", [1, 2, 223])
def test_stored_and_acknowledged_packets_take_what_htsim_measures_alone(two_leaves, name, packets):
    """(N + h - 1) packet times and h latencies out, h latencies and headers back, over h = 4 hops of 500 ns."""
    packet_s, header_s = 9064 / RATE, 64 / RATE
    due = (packets + 3) * packet_s + 4 * 500e-9 + 4 * (500e-9 + header_s)
    transport = {"name": name, **PACKETS, "forwarding": "store", "completion": "acked", "pad": "true"}
    if name == "roce":
        transport["cc"] = "none"
    flows = {"src": [0], "dst": [2], "bytes": [9000 * packets]}
    pace = 0.99 if name == "uec" else 1.0
    found = float(traffic(two_leaves(2, 2), flows, transport=transport).finish_s[0])
    assert found == pytest.approx(due, rel=1e-6, abs=packets * packet_s * (1 / pace - 1) + 1.5e-6 * (name == "uec"))


def test_storing_switches_cost_a_packet_per_further_hop(two_leaves):
    cut, stored = (_finish_s(two_leaves(2, 2), 2, forwarding=way) for way in ("cut", "store"))
    assert stored - cut == pytest.approx(3 * 9064 / RATE, rel=1e-6)


def test_knowing_of_the_arrival_costs_the_way_back(two_leaves):
    delivered, acked = (_finish_s(two_leaves(2, 2), 2, completion=when) for when in ("delivered", "acked"))
    assert acked - delivered == pytest.approx(4 * 500e-9 + 64 / RATE, rel=1e-6)


def test_padding_fills_the_last_packet(star):
    short, padded = (_finish_s(star(2), size=9001, pad=fill) for fill in ("false", "true"))
    assert padded - short == pytest.approx(8999 / RATE, rel=1e-6)
    assert _finish_s(star(2), size=9000, pad="true") == _finish_s(star(2), size=9000)


def test_larger_packets_and_smaller_headers_leave_more_to_payload(star):
    size = 9000 * 1000
    assert _finish_s(star(2), size=size) == pytest.approx(size * 9064 / 9000 / RATE + 1e-6, rel=1e-6)
    assert _finish_s(star(2), size=size, mtu="4564B") == pytest.approx(size * 4564 / 4500 / RATE + 1e-6, rel=1e-6)
    assert _finish_s(star(2), size=size, header="128B") > _finish_s(star(2), size=size)


@pytest.mark.parametrize(("name", "extra"), [("roce", {"cc": "none"}), ("roce", {}), ("infiniband", {}), ("uec", {})])
def test_a_window_below_the_bandwidth_delay_product_sets_the_rate(two_leaves, name, extra):
    """Window over round trip: 4 hops of 500 ns either way, and packets stored on each."""
    window, packets = 4 * 9064, 4000
    round_s = 8 * 500e-9 + 4 * 9064 / RATE + 4 * 64 / RATE
    transport = {"name": name, **PACKETS, **extra, "forwarding": "store", "window": f"{window}B"}
    ran = traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [9000 * packets]}, transport=transport)
    wire_rate = 9064 * packets / float(ran.finish_s[0])
    waits_s = 4 * 9064 / RATE if name == "uec" else 0.0
    assert window / (round_s + waits_s) * 0.99 <= wire_rate <= window / round_s * 1.001


@pytest.mark.parametrize("name", ["roce", "infiniband", "uec"])
@pytest.mark.parametrize(("packets", "window"), [(6, 4), (8, 4), (9, 4), (400, 3)])
def test_windows_leave_in_one_go_once_per_round_trip(two_leaves, name, packets, window):
    """floor((n - 1) / w) round trips, and the rest of a window at line rate."""
    round_s = 8 * 500e-9 + 4 * 9064 / RATE + 4 * 64 / RATE
    whole = (packets - 1) // window
    due = whole * round_s + ((packets - whole * window) + 3) * 9064 / RATE + 4 * 500e-9
    transport = {"name": name, **PACKETS, "forwarding": "store", "window": f"{window * 9064}B"}
    ran = traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [9000 * packets]}, transport=transport)
    assert float(ran.finish_s[0]) == pytest.approx(due, rel=2e-6 if name != "uec" else 0.15)


@pytest.mark.parametrize("name", ["roce", "infiniband", "tcp", "uec"])
def test_a_window_carries_whole_packets(two_leaves, name):
    def finish_s(window):
        transport = {"name": name, **PACKETS, "window": window}
        return traffic(two_leaves(2, 2), {"src": [0], "dst": [2], "bytes": [900_000]}, transport=transport).finish_s

    assert finish_s("27191B") == finish_s("18128B") > finish_s("27192B")


def test_a_window_that_covers_the_way_there_and_back_changes_nothing(two_leaves):
    assert _finish_s(two_leaves(2, 2), 2, window="10MB") == pytest.approx(_finish_s(two_leaves(2, 2), 2), rel=1e-6)


def test_acknowledgements_take_their_part_of_the_way_back(star):
    """Both ways at once: each link carries data and 64 bytes for every 9064 of the other's."""
    size = 9000 * 10_000
    flows = {"src": [0, 1], "dst": [1, 0], "bytes": [size, size]}
    for extra in ({"cc": "none"}, {}):
        ran = traffic(star(2), flows, transport={"name": "roce", **PACKETS, **extra})
        assert ran.finish_s == pytest.approx(size * 9064 / 9000 * (1 + 64 / 9064) / RATE, rel=2e-3)


def test_a_window_smaller_than_a_packet_is_refused(star):
    with pytest.raises(SpecError, match="less than a packet"):
        Network(star(2), transport="roce", parameters={"mtu": "9064B", "window": "9063B"})


@pytest.mark.parametrize("knob", ["window", "forwarding", "completion", "pad", "mtu", "header"])
def test_without_packets_their_knobs_are_refused(star, knob):
    value = {"forwarding": "store", "completion": "acked", "pad": "true"}.get(knob, "9064B")
    with pytest.raises(SpecError, match="no packets"):
        Network(star(2), transport="ideal", parameters={knob: value})


def test_at_less_detail_windows_and_stores_cost_nothing(two_leaves):
    from fabricsim.sims.network import Detail

    parameters = {"window": "9064B", "forwarding": "store", "completion": "acked", **PACKETS}
    network = Network(two_leaves(1, 1), transport="infiniband", parameters=parameters)
    size = 9000.0 * 100
    bare = network.at(Detail.PORTS).transfer([0], [1], size).finish_s[0]
    assert bare == pytest.approx(9064 * 100 / RATE, rel=1e-9)
    assert network.at(Detail.LATENCY).transfer([0], [1], size).finish_s[0] > 2 * bare
    assert np.isfinite(network.transfer([0], [1], size).finish_s).all()
