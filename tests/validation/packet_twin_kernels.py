"""What happens to packets, one event after the other (see `packet_twin`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from fabricsim.sims.engine._kernel import kernel, part

START, SENT, REACHED, PASSED, PAUSE, RESUME, PACKET_CREDIT, ACK_CREDIT = range(8)
"""Events: a flow starts; a link's packet is sent; one is at a cable's end; a switch passes one on; a link's sender is
told to pause, to go on; or is given credit for what has left the buffer behind it."""

NOBODY = -1
FORESEEN, AHEAD = 0, 1
"""In `count`: events ever foreseen; those still ahead."""

ABOUT_BITS, EVENT_BITS = 24, 3
"""An event's code is its order, what it is about and its kind, in one number."""


class Rules(NamedTuple):
    """Sizes in bytes on the wire."""

    payload_bytes: int = 9000
    packet_bytes: int = 9064
    ack_bytes: int = 64
    xoff_bytes: int = 135_000
    xon_bytes: int = 108_000
    credit_bytes: int = 0  # buffer for which credit is given, in place of pauses; 0: pauses


class Wiring(NamedTuple):
    """Fixed: `n` flows on `m` links."""

    byte_ps: np.ndarray  # int64[m]
    latency_ps: np.ndarray  # int64[m]
    owner: np.ndarray  # int64[m] the node that sends on the link
    indptr: np.ndarray  # int64[n + 1] CSR of the hops of a flow's data, then of its acknowledgements
    links: np.ndarray  # int64[...]
    turn: np.ndarray  # int64[n] hops of the data
    first: np.ndarray  # int64[n + 1] number of a flow's first packet
    nic_indptr: np.ndarray  # int64[m + 1] CSR of the flows that begin on a link
    nic_flows: np.ndarray  # int64[n]


class Line(NamedTuple):
    """Packets one behind the other, at any number of places."""

    head: np.ndarray  # int64[places]
    tail: np.ndarray  # int64[places]
    behind: np.ndarray  # int64[p] the packet behind a packet, which stands in one line at a time


class State(NamedTuple):
    """Changing, per flow (n), packet (p) and link (m)."""

    started: np.ndarray  # bool[n]
    sent: np.ndarray  # int64[n] packets
    done_ps: np.ndarray  # int64[n]
    flow: np.ndarray  # int64[p]
    hop: np.ndarray  # int64[p]
    reach_ps: np.ndarray  # int64[p] when it is at the end of its cable
    waiting: Line  # for a link
    flying: Line  # on a link
    inside: Line  # a node, on the way to a queue
    sending: np.ndarray  # int64[m] packet
    paused: np.ndarray  # bool[m]
    entered: np.ndarray  # int64[m] bytes that came by the link and still wait at its end
    full: np.ndarray  # bool[m] whether its sender has been told to pause
    lent: np.ndarray  # int64[m] bytes for which its sender has no credit back yet
    turns: np.ndarray  # int64[m] place in `nic_flows` of the flow that sent last
    ahead_ps: np.ndarray  # int64[...] heap of events: their times ...
    ahead: np.ndarray  # int64[...] ... and codes
    count: np.ndarray  # int64[2]


@kernel
def run(wiring, rules, state, start_ps):
    """Run to the last event."""
    for flow in range(len(start_ps)):
        _foresee(state, start_ps[flow], START, flow)
    while state.count[AHEAD] > 0:
        now, event, about = _next(state)
        if event == START:
            state.started[about] = True
            _send(wiring, rules, state, now, wiring.links[wiring.indptr[about]])
        elif event == SENT:
            _leave(wiring, rules, state, now, about)
            _send(wiring, rules, state, now, about)
        elif event == REACHED:
            _arrive(wiring, rules, state, now, _pop(state.flying, about))
            if state.flying.head[about] != NOBODY:
                _foresee(state, state.reach_ps[state.flying.head[about]], REACHED, about)
        elif event == PASSED:
            _queue_up(wiring, rules, state, now, _pop(state.inside, about))
            if state.inside.head[about] != NOBODY:
                _foresee(state, now, PASSED, about)
        else:
            _told(rules, state, event, about)
            _send(wiring, rules, state, now, about)


@part
def _told(rules, state, event, link):
    """The sender of a link learns how the buffer behind it is."""
    if event == PACKET_CREDIT:
        state.lent[link] -= rules.packet_bytes
    elif event == ACK_CREDIT:
        state.lent[link] -= rules.ack_bytes
    else:
        state.paused[link] = event == PAUSE


@part
def _send(wiring, rules, state, now, link):
    """Send the next packet, if the link is idle and may: what waits, else what its host's flows have."""
    if state.paused[link] or state.sending[link] != NOBODY:
        return
    if rules.credit_bytes > 0 and state.lent[link] + rules.packet_bytes > rules.credit_bytes:
        return
    packet = _pop(state.waiting, link)
    if packet == NOBODY:
        packet = _next_of_host(wiring, state, link)
    if packet != NOBODY:
        state.sending[link] = packet
        state.lent[link] += _bytes(wiring, rules, state, packet)
        _foresee(state, now + _bytes(wiring, rules, state, packet) * wiring.byte_ps[link], SENT, link)


@part
def _next_of_host(wiring, state, link):
    """The next data packet of the flows that begin on the link, in turns."""
    low, high = wiring.nic_indptr[link], wiring.nic_indptr[link + 1]
    for step in range(1, high - low + 1):
        at = low + (state.turns[link] - low + step) % (high - low)
        flow = wiring.nic_flows[at]
        packet = wiring.first[flow] + state.sent[flow]
        if state.started[flow] and packet < wiring.first[flow + 1]:
            state.turns[link] = at
            state.sent[flow] += 1
            return packet
    return NOBODY


@part
def _bytes(wiring, rules, state, packet):
    return rules.packet_bytes if state.hop[packet] < wiring.turn[state.flow[packet]] else rules.ack_bytes


@part
def _leave(wiring, rules, state, now, link):
    """The packet being sent is out of its switch, and on the cable."""
    packet = state.sending[link]
    state.sending[link] = NOBODY
    flow, hop = state.flow[packet], state.hop[packet]
    if hop != 0 and hop != wiring.turn[flow]:
        came = wiring.links[wiring.indptr[flow] + hop - 1]
        _free(wiring, rules, state, now, came, _bytes(wiring, rules, state, packet))
    state.reach_ps[packet] = now + wiring.latency_ps[link]
    if _push(state.flying, link, packet):
        _foresee(state, state.reach_ps[packet], REACHED, link)


@part
def _free(wiring, rules, state, now, came, left_bytes):
    """A packet that came by a link has left the buffer behind it."""
    state.entered[came] -= left_bytes
    if rules.credit_bytes > 0:
        credit = PACKET_CREDIT if left_bytes == rules.packet_bytes else ACK_CREDIT
        _foresee(state, now + wiring.latency_ps[came], credit, came)
    elif state.full[came] and state.entered[came] < rules.xon_bytes:
        state.full[came] = False
        _foresee(state, now + wiring.latency_ps[came], RESUME, came)


@part
def _arrive(wiring, rules, state, now, packet):
    """The packet is at its cable's end: it enters a switch, or is answered, or is the answer."""
    flow = state.flow[packet]
    came = wiring.links[wiring.indptr[flow] + state.hop[packet]]
    arrived_bytes = _bytes(wiring, rules, state, packet)
    state.hop[packet] += 1
    state.entered[came] += arrived_bytes
    if wiring.indptr[flow] + state.hop[packet] == wiring.indptr[flow + 1]:
        _free(wiring, rules, state, now, came, arrived_bytes)
        if packet + 1 == wiring.first[flow + 1]:
            state.done_ps[flow] = now
    elif state.hop[packet] == wiring.turn[flow]:
        _free(wiring, rules, state, now, came, arrived_bytes)
        _queue_up(wiring, rules, state, now, packet)
    else:
        if rules.credit_bytes == 0 and not state.full[came] and state.entered[came] > rules.xoff_bytes:
            state.full[came] = True
            _foresee(state, now + wiring.latency_ps[came], PAUSE, came)
        node = wiring.owner[came ^ 1]
        if _push(state.inside, node, packet):
            _foresee(state, now, PASSED, node)


@part
def _queue_up(wiring, rules, state, now, packet):
    link = wiring.links[wiring.indptr[state.flow[packet]] + state.hop[packet]]
    _push(state.waiting, link, packet)
    _send(wiring, rules, state, now, link)


@part
def _push(line, place, packet):
    """Returns whether the packet is the first."""
    line.behind[packet] = NOBODY
    alone = line.head[place] == NOBODY
    if alone:
        line.head[place] = packet
    else:
        line.behind[line.tail[place]] = packet
    line.tail[place] = packet
    return alone


@part
def _pop(line, place):
    packet = line.head[place]
    if packet != NOBODY:
        line.head[place] = line.behind[packet]
    return packet


@part
def _foresee(state, when_ps, event, about):
    code = (state.count[FORESEEN] << ABOUT_BITS + EVENT_BITS) + (about << EVENT_BITS) + event
    at = state.count[AHEAD]
    state.count[FORESEEN] += 1
    state.count[AHEAD] += 1
    while at > 0 and not _before(state, (at - 1) // 2, when_ps, code):
        _put(state, at, state.ahead_ps[(at - 1) // 2], state.ahead[(at - 1) // 2])
        at = (at - 1) // 2
    _put(state, at, when_ps, code)


@part
def _next(state):
    """Take the first of the events ahead: (time, event, what it is about)."""
    now, first = state.ahead_ps[0], state.ahead[0]
    state.count[AHEAD] -= 1
    rest = state.count[AHEAD]
    when_ps, code = state.ahead_ps[rest], state.ahead[rest]
    at = 0
    while 2 * at + 1 < rest:
        child = 2 * at + 1
        if child + 1 < rest and _before(state, child + 1, state.ahead_ps[child], state.ahead[child]):
            child += 1
        if not _before(state, child, when_ps, code):
            break
        _put(state, at, state.ahead_ps[child], state.ahead[child])
        at = child
    _put(state, at, when_ps, code)
    return now, first & ((1 << EVENT_BITS) - 1), (first >> EVENT_BITS) & ((1 << ABOUT_BITS) - 1)


@part
def _before(state, at, when_ps, code):
    return state.ahead_ps[at] < when_ps or (state.ahead_ps[at] == when_ps and state.ahead[at] < code)


@part
def _put(state, at, when_ps, code):
    state.ahead_ps[at], state.ahead[at] = when_ps, code
