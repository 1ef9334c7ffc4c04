"""NDP's ends (Handley et al., SIGCOMM 2017), as csg-htsim has them (ndp.cpp): a window at once, then a packet per pull.

Every arrival is acknowledged, every header asked for again, and either earns its flow a pull. A receiver sends pulls
`pull_ps` apart, its flows in turns: with the acknowledgement where none waits, else on their own. Packets take all
paths in a random order, then in another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from fabricsim.sims.engine._kernel import kernel, part
from packet_twin_kernels import AHEAD, NOBODY, _foresee, _next
from spray_twin_ports import (
    ACK,
    DATA,
    HEADER,
    NACK,
    PACE,
    PULL,
    REACHED,
    SENT,
    START,
    draw,
    drop,
    new_packet,
    queue_up,
    reached,
    sent,
    ways,
)  # fmt: skip


class Ndp(NamedTuple):
    """Changing, per flow (n), packet of it (total) and host."""

    sent: np.ndarray  # int64[n]
    pulled: np.ndarray  # int64[n] pulls that the source has seen
    again: np.ndarray  # bool[total] packets to be sent again ...
    lost: np.ndarray  # int64[n] ... how many
    got: np.ndarray  # bool[total]
    through: np.ndarray  # int64[n] packets received without a gap
    earned: np.ndarray  # int64[n] pulls
    waiting: np.ndarray  # int64[n] pulls not sent yet
    order: np.ndarray  # int64[2, n, paths] of data, of acknowledgements
    at: np.ndarray  # int64[2, n]
    last_ps: np.ndarray  # int64[hosts] the last pull
    turn: np.ndarray  # int64[hosts]
    to_indptr: np.ndarray  # int64[hosts + 1] CSR of the flows to a host
    to_flows: np.ndarray  # int64[n]
    done_ps: np.ndarray  # int64[n]


@kernel
def run_ndp(wiring, ports, ndp, start_ps, window, pull_ps):
    """Run to the last event."""
    for flow in range(len(start_ps)):
        _foresee(ports, start_ps[flow], START, flow)
    while ports.count[AHEAD] > 0:
        now, event, about = _next(ports)
        if event == START:
            for _ in range(min(window, wiring.packets[about])):
                _send_one(wiring, ports, ndp, now, about)
        elif event == SENT:
            sent(wiring, ports, now, about)
        elif event == PACE:
            _pull(wiring, ports, ndp, now, about, pull_ps)
        elif event == REACHED:
            packet = reached(wiring, ports, now, about)
            if packet != NOBODY:
                if ports.kind[packet] <= HEADER:
                    _at_receiver(wiring, ports, ndp, now, packet, pull_ps)
                else:
                    _at_sender(wiring, ports, ndp, now, packet)
                drop(ports, packet)


@part
def _path(wiring, ports, ndp, side, flow):
    """The next path of data (0) or acknowledgements (1)."""
    count, order = ways(wiring, flow), ndp.order[side, flow]
    if ndp.at[side, flow] == 0:
        for last in range(count - 1, 0, -1):
            other = np.int64(draw(ports, last + 1))
            order[last], order[other] = order[other], order[last]
    path = order[ndp.at[side, flow]]
    ndp.at[side, flow] = (ndp.at[side, flow] + 1) % count
    return path


@part
def _send_one(wiring, ports, ndp, now, flow):
    """Send the first packet to be sent again, else a new one, if there is any."""
    seq = ndp.sent[flow]
    if ndp.lost[flow] > 0:
        seq = 0
        while not ndp.again[wiring.first[flow] + seq]:
            seq += 1
        ndp.again[wiring.first[flow] + seq] = False
        ndp.lost[flow] -= 1
    elif seq == wiring.packets[flow]:
        return
    else:
        ndp.sent[flow] += 1
    queue_up(wiring, ports, now, new_packet(ports, DATA, flow, seq, _path(wiring, ports, ndp, 0, flow)))


@part
def _at_receiver(wiring, ports, ndp, now, packet, pull_ps):
    flow, seq, first = ports.flow[packet], ports.seq[packet], wiring.first[ports.flow[packet]]
    kind = NACK if ports.kind[packet] == HEADER else ACK
    if kind == ACK:
        ndp.got[first + seq] = True
        while ndp.through[flow] < wiring.packets[flow] and ndp.got[first + ndp.through[flow]]:
            ndp.through[flow] += 1
    answer = new_packet(ports, kind, flow, seq, _path(wiring, ports, ndp, 1, flow))
    ports.done[answer] = ndp.through[flow]
    _earn(wiring, ports, ndp, now, flow, answer, pull_ps)
    queue_up(wiring, ports, now, answer)
    if ndp.through[flow] == wiring.packets[flow]:
        ndp.waiting[flow] = 0


@part
def _earn(wiring, ports, ndp, now, flow, answer, pull_ps):
    """One pull more: with the answer if it may go now."""
    host = wiring.dst[flow]
    ndp.earned[flow] += 1
    if _next_flow(ndp, host) == NOBODY:
        if now - ndp.last_ps[host] >= pull_ps:
            ports.pull[answer] = ndp.earned[flow]
            ndp.last_ps[host] = now
            return
        _foresee(ports, ndp.last_ps[host] + pull_ps, PACE, host)
    ndp.waiting[flow] += 1


@part
def _next_flow(ndp, host):
    """The next flow of the host with a pull to send."""
    low, high = ndp.to_indptr[host], ndp.to_indptr[host + 1]
    for step in range(1, high - low + 1):
        at = low + (ndp.turn[host] + step) % (high - low)
        if ndp.waiting[ndp.to_flows[at]] > 0:
            return at
    return NOBODY


@part
def _pull(wiring, ports, ndp, now, host, pull_ps):
    at = _next_flow(ndp, host)
    if at == NOBODY:
        return
    flow = ndp.to_flows[at]
    ndp.turn[host] = at - ndp.to_indptr[host]
    pull = new_packet(ports, PULL, flow, 0, _path(wiring, ports, ndp, 1, flow))
    ports.pull[pull] = ndp.earned[flow] - ndp.waiting[flow] + 1
    ndp.waiting[flow] -= 1
    ndp.last_ps[host] = now
    queue_up(wiring, ports, now, pull)
    if _next_flow(ndp, host) != NOBODY:
        _foresee(ports, now + pull_ps, PACE, host)


@part
def _at_sender(wiring, ports, ndp, now, packet):
    flow = ports.flow[packet]
    if ports.kind[packet] == NACK:
        ndp.again[wiring.first[flow] + ports.seq[packet]] = True
        ndp.lost[flow] += 1
    if ports.kind[packet] == ACK and ports.done[packet] == wiring.packets[flow] and ndp.done_ps[flow] < 0:
        ndp.done_ps[flow] = now
    if ports.kind[packet] == NACK and 0 < ports.pull[packet] <= ndp.pulled[flow]:
        _send_one(wiring, ports, ndp, now, flow)
    while ndp.pulled[flow] < ports.pull[packet]:
        ndp.pulled[flow] += 1
        _send_one(wiring, ports, ndp, now, flow)
