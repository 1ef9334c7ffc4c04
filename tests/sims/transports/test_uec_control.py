"""Control of sprayed flows at its fixed point, and what switches do with packets that find no room: closed forms."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.network import Network
from fabricsim.sims.transports.control import Contention
from fabricsim.sims.transports.trimming import Overflow

RATE = 1e11 / 8
UEC = {"mtu": "4150B", "header": "64B"}
WIRE = 4150 / 4086
TRIMMED = 64 / 4150
ROUND_S = 4 * 500e-9 + (4150 + 64) / RATE
"""Two hops of 500 ns either way, packets cut through."""


def incast(fabric, senders, size, **parameters):
    network = Network(fabric, transport="uec", parameters={**UEC, **parameters})
    return network.transfer(np.arange(1, senders + 1), np.zeros(senders, int), size)


def on_one_port(flows):
    return Contention.of(1e11, flows, ROUND_S)


@pytest.mark.parametrize(("trimming", "rtts"), [("true", 0.75), ("false", 1.0)])
@pytest.mark.parametrize("senders", [3, 12])
def test_nscc_keeps_its_target_delay_before_the_receiver_and_fills_the_port(star, senders, trimming, rtts):
    size = 4086 * 5000
    ran = incast(star(senders + 1), senders, size, cc="nscc", trimming=trimming)
    assert ran.queues.mean_bytes.max() == pytest.approx(rtts * RATE * ROUND_S)
    assert np.count_nonzero(ran.queues.mean_bytes) == 1
    assert ran.finish_s == pytest.approx(senders * size * WIRE / RATE, rel=2e-3)


def test_nscc_cannot_go_below_a_packet_per_flow(star):
    ran = incast(star(41), 40, 4086 * 500, cc="nscc", buffer="1MB")
    assert ran.queues.mean_bytes.max() == pytest.approx(40 * 4150 - RATE * ROUND_S)


def test_windows_that_do_not_reach_the_target_leave_what_they_hold_beyond_the_way(star):
    """Two windows of 4 packets: 33.2 kB in flight over a way that holds 29.2 kB, where the target is 21.9 kB."""
    ran = incast(star(3), 2, 4086 * 5000, cc="nscc", buffer="1MB", window=f"{4 * 4150}B")
    assert ran.queues.mean_bytes.max() == pytest.approx(8 * 4150 - RATE * ROUND_S)


def test_credit_leaves_no_queue_before_the_receiver(star):
    ran = incast(star(13), 12, 4086 * 5000)
    assert ran.queues is None or ran.queues.mean_bytes.max() == 0
    assert ran.finish_s == pytest.approx(12 * 4086 * 5000 * WIRE / (0.99 * RATE), rel=2e-3)


@pytest.mark.parametrize("senders", [2, 5])
def test_without_control_headers_of_trimmed_packets_take_their_part_of_the_port(star, senders):
    """N senders at line rate: C (1 - N h) / (1 - h) is left to whole packets."""
    size = 4086 * 20000
    ran = incast(star(senders + 1), senders, size, cc="none")
    left = (1 - senders * TRIMMED) / (1 - TRIMMED)
    assert ran.finish_s == pytest.approx(senders * size * WIRE / (left * RATE), rel=1e-3)
    assert "trimmed" in ran.notes[0]


def test_headers_leave_one_packet_in_eleven_its_turn(star):
    size = 4086 * 2000
    ran = incast(star(65), 64, size, cc="none")
    assert ran.finish_s == pytest.approx(64 * size * WIRE / RATE * (1 + 10 * TRIMMED), rel=1e-3)


@pytest.mark.parametrize("trim_size", [64, 1024])
def test_windows_go_round_between_the_port_and_its_senders(trim_size):
    """By the books: x packets cut per second and the whole ones fill the port, and every window is in the queue, on its
    way, or cut and on its way back."""
    overflow, links = Overflow(4150, trim_size, 20_000.0), on_one_port(8)
    in_flight = 150_000.0
    lost = overflow.lost_bytes_per_s(links, np.array([in_flight - RATE * ROUND_S]), np.array([np.inf]))
    whole = RATE - lost * trim_size / 4150
    assert overflow.utilisation(links, lost) * RATE == pytest.approx(
        np.maximum(whole, RATE / (1 + 10 * trim_size / 4150))
    )
    assert whole * (ROUND_S + 20_000 / RATE) + lost * ROUND_S == pytest.approx(in_flight)


def test_what_is_dropped_costs_a_time_out():
    overflow = Overflow(4150, None, 100_000.0)
    assert overflow.retry_s(on_one_port(8))[0] == pytest.approx(15e-6 + 6 * 100_000 / RATE)
    assert overflow.utilisation(on_one_port(8), np.array([RATE]))[0] == 1


@pytest.mark.parametrize("cc", ["none", "nscc", "rccc"])
def test_a_burst_too_large_for_the_port_ends_a_time_out_later_where_switches_drop(star, cc):
    """16 x 10 packets at once into a buffer of 10: most are lost, and go again after 15 us and the drain of six
    buffers."""
    timeout_s = 15e-6 + 6 * 41_500 / RATE
    dropped = incast(star(17), 16, 4086 * 10, cc=cc, trimming="false", buffer="41500B")
    trimmed = incast(star(17), 16, 4086 * 10, cc=cc, trimming="true", buffer="41500B")
    assert dropped.finish_s.max() > timeout_s + 10 * 4150 / RATE
    assert trimmed.finish_s.max() < (1 + 10 * TRIMMED) * 160 * 4150 / RATE + 3 * ROUND_S


def test_credit_does_not_guard_links_inside_the_network(two_leaves):
    """Four senders at line rate over one spine to receivers of their own: the headers of what is cut there cost."""
    network = Network(two_leaves(4, 1), transport="uec", parameters=UEC)
    size = 4086 * 5000
    ran = network.transfer(np.arange(4), np.arange(4, 8), size)
    left = (1 - 4 * TRIMMED) / (1 - TRIMMED)
    assert ran.finish_s == pytest.approx(4 * size * WIRE / (left * RATE), rel=0.01)
    assert ran.queues.mean_bytes.max() > 0


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"trimming": "false", "trim_size": "64B"}, "trim_size: does nothing where switches drop"),
        ({"trim_size": "63B"}, "header's 64"),
        ({"trim_size": "4150B"}, "below the packet's 4150"),
        ({"buffer": "4149B"}, "hold no packet"),
        ({"cc": "dcqcn"}, "cc"),
    ],
)
def test_what_cannot_be_is_refused(star, parameters, said):
    with pytest.raises(SpecError, match=said):
        Network(star(2), transport="uec", parameters={**UEC, **parameters})
