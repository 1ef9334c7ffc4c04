"""How many flows meet on a link, and where senders offer more than fits."""

import numpy as np
import pytest
from fabricsim.sims.network import Detail, Network
from fabricsim.sims.transports.contention import crowd
from fabricsim.sims.transports.delays import delays
from fabricsim.sims.transports.subflows import Batch


def _crowd(fabric, src, dst, start_s=None, size=1e8, most_bps=np.inf):
    network = Network(fabric, transport="roce").at(Detail.ROUTING)
    flows = network.subflows(np.array(src, dtype=np.int32), np.array(dst, dtype=np.int32))
    start_s = np.zeros(len(src)) if start_s is None else np.array(start_s)
    batch = Batch(flows, np.full(len(src), size), start_s)
    finish_s = network.transfer(src, dst, size, start_s).finish_s
    found = crowd(
        network._lines,
        batch,
        finish_s,
        delays(network.carrier.packets, network._lines, batch),
        np.full(len(src), most_bps),
    )
    return dict(zip(found.links.tolist(), zip(found.all.flows, found.contended, strict=True), strict=True)), flows


def test_incast_is_contended_at_the_receiver_alone(star):
    links, flows = _crowd(star(5), [1, 2, 3], [0, 0, 0])
    last = int(flows.links[flows.indptr[1] - 1])
    assert links.pop(last) == (3, True)
    assert all(value == (1, False) for value in links.values())


def test_flows_of_one_sender_share_its_line_and_contend_nowhere(star):
    links, flows = _crowd(star(5), [0, 0, 0], [1, 2, 3])
    assert links[int(flows.links[0])] == (3, False)
    assert not any(contended for _, contended in links.values())


def test_flows_that_never_meet_are_not_counted_together(star):
    """100 Gbit/s for 100 MB takes 8.7 ms; the next begins when the last is long done."""
    links, flows = _crowd(star(5), [1, 2, 3], [0, 0, 0], [0.0, 1.0, 2.0])
    assert links[int(flows.links[flows.indptr[1] - 1])] == (1, False)


def test_senders_held_below_their_share_contend_for_nothing(star):
    links, _ = _crowd(star(5), [1, 2, 3], [0, 0, 0], most_bps=30e9)
    assert not any(contended for _, contended in links.values())


@pytest.mark.parametrize("count", [2, 8, 64])
def test_a_law_is_told_round_trip_and_switches(star, count):
    """Two links of 500 ns each way, one switch; a packet and its acknowledgement add their time on the wire."""
    network = Network(star(count + 1), transport="roce")
    src, dst = np.arange(1, count + 1, dtype=np.int32), np.zeros(count, dtype=np.int32)
    batch = Batch(network.subflows(src, dst), np.full(count, 1e8), np.zeros(count))
    delay = delays(network.carrier.packets, network._lines, batch)
    told = crowd(network._lines, batch, np.ones(count), delay, np.full(count, np.inf)).all
    assert told.rtt_s == pytest.approx(2e-6, abs=0.2e-6)
    assert (told.switches == 1).all()
