"""The other laws against their papers' closed forms."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.transports.control import (
    DCQCN_SETS,
    Contention,
    Dcqcn,
    Dctcp,
    Hpcc,
    InfinibandCc,
    Nscc,
    Rccc,
    Reno,
    Swift,
    Timely,
    Windows,
)
from fabricsim.sims.transports.control.reno import loss, sawtooth, window_packets
from hypothesis import given
from hypothesis import strategies as st

LAWS = [
    Dcqcn(DCQCN_SETS["paper"]),
    Timely(),
    Hpcc(),
    Swift(1000.0),
    InfinibandCc(4122.0, 128e3),
    Nscc(),
    Rccc(),
    Windows(),
    Windows(1e6),
    Reno(1e6),
    Dctcp(1500.0),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@given(flows=st.integers(1, 200), rate_gbps=st.sampled_from([10.0, 100.0, 400.0]), rtt_us=st.floats(2.0, 15.0))
def test_every_law_uses_some_of_the_link_and_queues_nothing_below_zero(law, flows, rate_gbps, rtt_us):
    steady = law.steady(Contention.of(rate_gbps * 1e9, flows, rtt_us * 1e-6, 3))
    assert 0 < steady.utilisation[0] <= 1
    assert 0 <= steady.queue_bytes[0] < np.inf


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_flows_alike_get_equal_shares(law):
    assert np.ptp(law.weights(np.full(5, 7e-6))) == 0


def test_timely_rests_at_the_patched_fixed_point():
    """q* = q' + N delta q' / (beta C): 10 flows at 10 Gbit/s add 10 x 10e6 / (0.008 x 10e9) = 1.25 of q' = 62.5 KB."""
    steady = Timely().steady(Contention.of(10e9, 10, 20e-6))
    assert steady.queue_bytes[0] == pytest.approx(62.5e3 * 2.25)


def test_timely_warns_beyond_the_flows_it_is_stable_for():
    assert not Timely().warnings(Contention.of(10e9, 40, 20e-6))
    assert "41" in Timely().warnings(Contention.of(10e9, 41, 20e-6))[0]


def test_hpcc_runs_at_its_target_and_the_increases():
    """eta + N W_AI / (B T): 20 flows with 0.04 percent each add 0.8 percent to 95."""
    steady = Hpcc().steady(Contention.of(100e9, 20, 10e-6))
    assert steady.utilisation[0] == pytest.approx(0.95 + 20 * 10 / 25e3)
    assert steady.queue_bytes[0] == 0


def test_hpcc_queues_once_the_increases_exceed_its_margin():
    """200 flows: U = 1.03, and 3 percent of 125 KB in flight stands."""
    steady = Hpcc().steady(Contention.of(100e9, 200, 10e-6))
    assert steady.utilisation[0] == 1
    assert steady.queue_bytes[0] == pytest.approx(0.03 * 125e3)


def test_hpccs_window_law_rests_where_the_formula_says():
    """The law itself, iterated: W = W_c eta / U + W_AI with U = sum(W) / (B T)."""
    flows, bdp, increase = 20, 125e3, 125e3 * 10 / 25e3
    window = bdp / flows
    for _ in range(200):
        window = window * 0.95 / (flows * window / bdp) + increase
    assert flows * window / bdp == pytest.approx(Hpcc().steady(Contention.of(100e9, flows, 10e-6)).utilisation[0])


@given(flows=st.integers(1, 500), switches=st.integers(1, 5))
def test_swifts_round_trip_meets_its_own_target(flows, switches):
    law, link = Swift(1000.0), Contention.of(100e9, flows, 8e-6, switches)
    trip_s = law.round_trip_s(link)
    window = 100e9 / 8 / flows * trip_s / 1000
    assert law.target_s(window, link.switches)[0] == pytest.approx(trip_s[0], rel=1e-6)


def test_swifts_scaling_spans_its_range():
    """Nothing at 100 packets and beyond, all of it at a tenth of a packet."""
    at = Swift(1000.0).target_s(np.array([0.1, 100.0, 1e4]), np.zeros(3))
    assert at == pytest.approx([120e-6, 20e-6, 20e-6])


def test_swift_is_refused_where_the_empty_path_is_longer_than_its_target():
    with pytest.raises(SpecError, match="shrink to nothing"):
        Swift(1000.0).steady(Contention.of(100e9, 1, 500e-6))


def test_infiniband_marks_balance_the_timer():
    """400 Gbit/s, 10 flows, 4122-byte packets: 1.213 million packets/s each; one BECN per 153.6 us is one packet in
    186.3."""
    law = InfinibandCc(4122.0, 128e3)
    assert 1 / law.marks(Contention.of(400e9, 10, 5e-6))[0] == pytest.approx(400e9 / 8 / 10 / 4122 * 153.6e-6)


def test_infiniband_table_ends():
    """A last delay of 127 packets holds 128 flows and not one more."""
    law = InfinibandCc(4122.0, 128e3, last_delay=127)
    held, lost = law.steady(Contention(np.full(2, 400e9), np.array([128.0, 129]), np.full(2, 5e-6), np.ones(2))).holds
    assert held
    assert not lost
    assert "129 flows" in law.warnings(Contention.of(400e9, 129, 5e-6))[0]


def test_infiniband_marks_too_rare_do_not_hold():
    assert not InfinibandCc(4122.0, 128e3, marking_rate=200).steady(Contention.of(400e9, 10, 5e-6)).holds[0]


def test_infiniband_threshold_sets_the_queue():
    """15 marks at a sixteenth of the buffer, 1 at fifteen."""
    link = Contention.of(400e9, 4, 5e-6)
    assert InfinibandCc(4122.0, 128e3).steady(link).queue_bytes[0] == 8e3
    assert InfinibandCc(4122.0, 128e3, threshold=1).steady(link).queue_bytes[0] == 120e3


def test_nscc_rests_at_its_target_delay_or_where_all_windows_end():
    """400 Gbit/s x 12 us = 600 KB: three quarters for many flows; one flow's window leaves half."""
    assert Nscc().steady(Contention.of(400e9, 8, 12e-6)).queue_bytes[0] == pytest.approx(450e3)
    assert Nscc().steady(Contention.of(400e9, 1, 12e-6)).queue_bytes[0] == pytest.approx(300e3)


def test_rccc_leaves_one_percent():
    assert Rccc().steady(Contention.of(400e9, 8, 12e-6)).utilisation[0] == 0.99


@pytest.mark.parametrize(("probability", "packets"), [(1e-3, 38.7), (1e-4, 122.5)])
def test_mathis_window(probability, packets):
    assert window_packets(probability) == pytest.approx(packets, rel=1e-3)
    assert loss(np.array([packets]))[0] == pytest.approx(probability, rel=2e-3)


def test_reno_without_a_buffer_fills_three_quarters_and_with_one_product_all():
    assert sawtooth(np.array([0.0, 1.0, 5.0])) == pytest.approx([0.75, 1.0, 1.0])


@given(buffer=st.floats(0.0, 1.5))
def test_reno_sawtooth_against_the_tooth_walked_in_small_steps(buffer):
    """dW/dt = 1 / RTT in units of one bandwidth-delay product; RTT = max(1, W)."""
    window = np.linspace((1 + buffer) / 2, 1 + buffer, 20_001)
    trip = np.maximum(window, 1.0)
    rate = window / trip
    assert sawtooth(np.array([buffer]))[0] == pytest.approx(np.average(rate, weights=trip), rel=1e-3)


def test_reno_favours_short_round_trips():
    assert Reno(1e6).weights(np.array([10e-6, 20e-6])) == pytest.approx([1e5, 5e4])


def test_dctcp_marks_and_queue_are_the_papers():
    """10 Gbit/s, 100 us, K = 65 packets of 1500 bytes, 2 flows: W* = 74.2, marked 16.4 percent; the queue swings
    between 67 and 67 - sqrt(2 x 148.3 / 2) = 54.8 packets."""
    law = Dctcp(1500.0, threshold_s=65 * 1500 * 8 / 10e9)
    link = Contention.of(10e9, 2, 100e-6)
    window = (10e9 * 100e-6 / 8 / 1500 + 65) / 2
    assert law.marked(link)[0] == pytest.approx((2 / window) ** 0.5)
    assert law.steady(link).queue_bytes[0] == pytest.approx((67 - np.sqrt(2 * window) / 2) * 1500)
    assert law.steady(link).utilisation[0] == 1


def test_dctcp_with_too_low_a_threshold_loses_throughput():
    assert Dctcp(1500.0, threshold_s=1e-7).steady(Contention.of(10e9, 1, 500e-6)).utilisation[0] < 1
