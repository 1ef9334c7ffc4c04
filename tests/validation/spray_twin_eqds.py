"""EQDS's ends (Olteanu et al., NSDI 2022), as csg-htsim has them (eqds.cpp): credit in bytes, a window of it to begin
with.

A receiver gives `credit_bytes` every `pace_ps`: first to flows that lost packets, then to those with more to send, in
turns; then, some bytes more, to those that want none. Acknowledgements come with every packet in order, or 16 KiB.
Paths are hashed from entropies taken in turns; one whose packet was cut is left out once. What is left of the window
when the first answer comes is given up, but by flows that have asked for nothing, which would wait for ever.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from fabricsim.sims.engine._kernel import kernel, part
from packet_twin_kernels import AHEAD, NOBODY, Line, _foresee, _next, _pop, _push
from spray_twin_ports import (
    ACK,
    DATA,
    HEADER,
    NACK,
    PACE,
    PULL,
    REACHED,
    SEND,
    SENT,
    START,
    draw,
    drop,
    mixed,
    new_packet,
    queue_up,
    reached,
    sent,
    ways,
)  # fmt: skip

AGAIN, MORE, IDLE = range(3)
"""Lists of a receiver's flows: that lost packets, with more to send, that want no credit."""
SPARE_BYTES = 100_000
"""Credit beyond what an idle flow asks for."""
UNACKED_BYTES = 16_384


class Eqds(NamedTuple):
    """Changing, per flow (n), packet of it (total) and host."""

    sent: np.ndarray  # int64[n]
    wire_bytes: np.ndarray  # int64[n] of all packets
    backlog_bytes: np.ndarray  # int64[n] to be sent, or sent again
    granted: np.ndarray  # int64[n] bytes, by the highest pull
    credit: np.ndarray  # int64[n] bytes left of it
    head_start: np.ndarray  # int64[n] bytes left of the window to begin with
    blocked: np.ndarray  # bool[n] the adapter knows that the flow wants to send
    again: np.ndarray  # bool[total]
    lost: np.ndarray  # int64[n]
    avoided: np.ndarray  # bool[n, entropies]
    entropy: np.ndarray  # int64[n] taken so far in this round ...
    mask: np.ndarray  # int64[n] ... which differs from others by this
    got: np.ndarray  # bool[total]
    through: np.ndarray  # int64[n]
    unacked: np.ndarray  # int64[n] bytes
    pulled: np.ndarray  # int64[n] bytes of credit given
    target: np.ndarray  # int64[n] bytes of credit asked for
    lost_bytes: np.ndarray  # int64[n] to be credited first
    listed: np.ndarray  # bool[3, n]
    lists: tuple[Line, Line, Line]  # by host
    pacing: np.ndarray  # bool[hosts]
    free_ps: np.ndarray  # int64[hosts] when the adapter has sent its packet
    wanting: Line  # flows that want to send, by host
    done_ps: np.ndarray  # int64[n]


class Rules(NamedTuple):
    packet_bytes: int
    window_bytes: int
    credit_bytes: int
    pace_ps: int
    salt: int


@kernel
def run_eqds(wiring, ports, eqds, start_ps, rules):
    """Run to the last event."""
    for flow in range(len(start_ps)):
        _foresee(ports, start_ps[flow], START, flow)
    while ports.count[AHEAD] > 0:
        now, event, about = _next(ports)
        if event == START:
            eqds.head_start[about] = rules.window_bytes
            _send_if_permitted(wiring, ports, eqds, now, about, rules)
        elif event == SENT:
            sent(wiring, ports, now, about)
        elif event == SEND:
            _serve(wiring, ports, eqds, now, about, rules)
        elif event == PACE:
            _give_credit(wiring, ports, eqds, now, about, rules)
        elif event == REACHED:
            packet = reached(wiring, ports, now, about)
            if packet != NOBODY:
                if ports.kind[packet] <= HEADER:
                    _at_receiver(wiring, ports, eqds, now, packet, rules)
                else:
                    _at_sender(wiring, ports, eqds, now, packet, rules)
                drop(ports, packet)


@part
def _next_of(wiring, eqds, flow):
    """The packet that the flow would send, NOBODY if there is none."""
    if eqds.lost[flow] > 0:
        seq = 0
        while not eqds.again[wiring.first[flow] + seq]:
            seq += 1
        return seq
    return eqds.sent[flow] if eqds.sent[flow] < wiring.packets[flow] else NOBODY


@part
def _may_send(wiring, eqds, flow):
    seq = _next_of(wiring, eqds, flow)
    if seq == NOBODY:
        return False
    return wiring.packet_bytes[wiring.first[flow] + seq] <= eqds.credit[flow] + eqds.head_start[flow]


@part
def _send_if_permitted(wiring, ports, eqds, now, flow, rules):
    if eqds.blocked[flow] or not _may_send(wiring, eqds, flow):
        return
    host = wiring.src[flow]
    eqds.blocked[flow] = True
    if _push(eqds.wanting, host, flow):
        _foresee(ports, max(now, eqds.free_ps[host]), SEND, host)


@part
def _serve(wiring, ports, eqds, now, host, rules):
    """The adapter sends a packet of the next flow that may, and lets it stand in line again."""
    flow = _pop(eqds.wanting, host)
    while flow != NOBODY:
        eqds.blocked[flow] = False
        if _may_send(wiring, eqds, flow):
            eqds.free_ps[host] = (
                now + _send_one(wiring, ports, eqds, now, flow, rules) * wiring.byte_ps[wiring.host_up[host]]
            )
            if _may_send(wiring, eqds, flow):
                eqds.blocked[flow] = True
                _push(eqds.wanting, host, flow)
            if eqds.wanting.head[host] != NOBODY:
                _foresee(ports, eqds.free_ps[host], SEND, host)
            return
        flow = _pop(eqds.wanting, host)


@part
def _send_one(wiring, ports, eqds, now, flow, rules):
    """Send the next packet. Returns its bytes."""
    seq = _next_of(wiring, eqds, flow)
    size = wiring.packet_bytes[wiring.first[flow] + seq]
    if eqds.lost[flow] > 0:
        eqds.again[wiring.first[flow] + seq] = False
        eqds.lost[flow] -= 1
    else:
        eqds.sent[flow] += 1
    eqds.backlog_bytes[flow] -= size
    eqds.credit[flow] -= size
    if eqds.credit[flow] < 0:
        eqds.head_start[flow] += eqds.credit[flow]
        eqds.credit[flow] = 0
    packet = new_packet(ports, DATA, flow, seq, 0)
    ports.mark[packet] = _entropy(ports, eqds, flow)
    ports.path[packet] = _path(wiring, flow, ports.mark[packet], rules)
    want = min(eqds.backlog_bytes[flow], rules.window_bytes)
    ports.pull[packet] = want + eqds.granted[flow] - eqds.credit[flow] - eqds.head_start[flow]
    queue_up(wiring, ports, now, packet)
    return size


@part
def _entropy(ports, eqds, flow):
    """The next entropy that is not left out."""
    number = eqds.avoided.shape[1]
    while True:
        entropy = eqds.entropy[flow] ^ eqds.mask[flow]
        left_out = eqds.avoided[flow, entropy]
        eqds.avoided[flow, entropy] = False
        eqds.entropy[flow] += 1
        if eqds.entropy[flow] == number:
            eqds.entropy[flow] = 0
            eqds.mask[flow] = np.int64(draw(ports, number))
        if not left_out:
            return entropy


@part
def _path(wiring, flow, entropy, rules):
    """What switches hash of flow and entropy."""
    bits = np.uint64((rules.salt << 40) + (flow << 16) + entropy + 1)
    return np.int64(mixed(bits * np.uint64(0x9E3779B97F4A7C15)) % np.uint64(ways(wiring, flow)))


@part
def _at_receiver(wiring, ports, eqds, now, packet, rules):
    flow, seq, first = ports.flow[packet], ports.seq[packet], wiring.first[ports.flow[packet]]
    if ports.pull[packet] > eqds.target[flow]:
        wanted = eqds.target[flow] > eqds.pulled[flow] or eqds.lost_bytes[flow] > 0
        eqds.target[flow] = ports.pull[packet]
        if not wanted:
            _list(wiring, ports, eqds, now, MORE, flow)
    if ports.kind[packet] == HEADER:
        if eqds.lost_bytes[flow] == 0:
            _list(wiring, ports, eqds, now, AGAIN, flow)
        eqds.lost_bytes[flow] += rules.packet_bytes
        _answer(wiring, ports, eqds, now, NACK, packet, rules)
        return
    eqds.unacked[flow] += wiring.packet_bytes[first + seq]
    eqds.got[first + seq] = True
    in_order = seq == eqds.through[flow]
    while eqds.through[flow] < wiring.packets[flow] and eqds.got[first + eqds.through[flow]]:
        eqds.through[flow] += 1
    if in_order or eqds.unacked[flow] > UNACKED_BYTES:
        eqds.unacked[flow] = 0
        _answer(wiring, ports, eqds, now, ACK, packet, rules)


@part
def _answer(wiring, ports, eqds, now, kind, packet, rules):
    flow = ports.flow[packet]
    answer = new_packet(ports, kind, flow, ports.seq[packet], _path(wiring, flow, 0, rules))
    ports.mark[answer] = ports.mark[packet]
    ports.pull[answer], ports.done[answer] = eqds.pulled[flow], eqds.through[flow]
    queue_up(wiring, ports, now, answer)


@part
def _list(wiring, ports, eqds, now, which, flow):
    """Put the flow in a list of its receiver, which then gives credit."""
    host = wiring.dst[flow]
    if not eqds.listed[which, flow]:
        eqds.listed[which, flow] = True
        _push(eqds.lists[which], host, flow)
    if not eqds.pacing[host]:
        eqds.pacing[host] = True
        _foresee(ports, now, PACE, host)


@part
def _first_listed(eqds, host):
    """(list, flow) of the next to get credit; NOBODY for none."""
    for which in range(3):
        flow = _pop(eqds.lists[which], host)
        if flow != NOBODY:
            eqds.listed[which, flow] = False
            return which, flow
    return NOBODY, NOBODY


@part
def _give_credit(wiring, ports, eqds, now, host, rules):
    which, flow = _first_listed(eqds, host)
    eqds.pacing[host] = which != NOBODY
    if which == NOBODY:
        return
    eqds.lost_bytes[flow] = max(0, eqds.lost_bytes[flow] - rules.credit_bytes)
    eqds.pulled[flow] += rules.credit_bytes
    pull = new_packet(ports, PULL, flow, 0, _path(wiring, flow, 0, rules))
    ports.pull[pull], ports.done[pull] = eqds.pulled[flow], eqds.through[flow]
    queue_up(wiring, ports, now, pull)
    _foresee(ports, now + rules.pace_ps, PACE, host)
    asked = eqds.target[flow] - eqds.pulled[flow]
    if which == AGAIN and eqds.lost_bytes[flow] > 0:
        _list(wiring, ports, eqds, now, AGAIN, flow)
    elif which == MORE and asked > 0:
        _list(wiring, ports, eqds, now, MORE, flow)
    elif which == MORE or (asked + SPARE_BYTES > 0 and (which == IDLE or asked <= 0)):
        _list(wiring, ports, eqds, now, IDLE, flow)


@part
def _at_sender(wiring, ports, eqds, now, packet, rules):
    flow = ports.flow[packet]
    if ports.pull[packet] > eqds.granted[flow]:
        eqds.credit[flow] += ports.pull[packet] - eqds.granted[flow]
        eqds.granted[flow] = ports.pull[packet]
    if ports.kind[packet] == NACK:
        eqds.again[wiring.first[flow] + ports.seq[packet]] = True
        eqds.lost[flow] += 1
        eqds.backlog_bytes[flow] += wiring.packet_bytes[wiring.first[flow] + ports.seq[packet]]
        eqds.avoided[flow, ports.mark[packet]] = True
    if ports.kind[packet] != PULL and eqds.wire_bytes[flow] > rules.window_bytes:
        eqds.head_start[flow] = 0
    if ports.done[packet] == wiring.packets[flow] and eqds.done_ps[flow] < 0:
        eqds.done_ps[flow] = now
    _send_if_permitted(wiring, ports, eqds, now, flow, rules)
