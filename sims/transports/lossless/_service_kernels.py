"""One step of service: every link, upstream first, moves what the buffers behind it allow."""

from __future__ import annotations

import numpy as np

from ...engine._kernel import inlined
from ._arbitration_kernels import share_wire
from ._state_kernels import ACTIVE, DRY, LIVE, NONE, NOW, PROBING, STEP, meter, queued_bytes, room_bytes

_WHOLE = 1e-6
"""Bytes within which a source counts as empty."""

_INSTANT = 1e-3
"""Of a step: changes this close to one another are one."""


@inlined
def serve(paths, links, state, rules):
    """Move bytes for one step."""
    step_s = state.clock[STEP]
    state.size[DRY] = 0
    _note_last(paths, links, state)
    for i in range(state.size[LIVE]):
        link = state.live[i]
        state.stood[link] = state.before[link]
    shared = NONE
    for i in range(state.size[LIVE]):
        link = state.live[i]
        meter(links, state, link, step_s)
        if links.lanes_end[link] - links.lanes_begin[link] == 1:
            room = room_bytes(links, state, link, step_s)
            state.able[link] = room
        else:
            if links.lanes_begin[link] != shared:
                share_wire(paths, links, state, link)
                shared = links.lanes_begin[link]
            room = state.granted[link]
        state.queued[link] = 0.0
        if room > 0.0 and state.before[link] > 0.0:
            state.queued[link] = _forward(paths, links, state, link, room)
        state.gone[link] = state.queued[link]
        if links.begins[link] and room > state.gone[link]:
            _send(paths, links, state, rules, link, (room - state.gone[link]) / step_s)


@inlined
def _note_last(paths, links, state):
    """Note how far the flows are that have sent their last byte, or will have by the end of the step."""
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        begin = paths.indptr[flow]
        if state.left[flow] <= links.rate[paths.hop_link[begin]] * state.clock[STEP]:
            for hop in range(begin, paths.indptr[flow + 1]):
                state.was_crossed[hop] = state.crossed[hop]


@inlined
def _forward(paths, links, state, link, room):
    """Serve the queue before `link`: what a flow has in it goes along with its last byte, once that is here, and faster
    only where nothing else waits; all else goes in proportion. Returns the bytes moved."""
    ending = state.ending[link] > 0
    apart, along = _before_last(paths, links, state, link, room) if ending else (0.0, 0.0)
    rest, left = state.before[link] - apart, room - along
    part_of_rest = min(1.0, max(0.0, left) / rest) if rest > 0.0 else 1.0
    scale = room / along if left < 0.0 else 1.0
    more = min(1.0, (left - rest) / (apart - along)) if left > rest and apart > along else 0.0
    gone = state.loose[link] * part_of_rest
    state.loose[link] -= gone
    inside = 0.0
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        behind, onward = paths.link_before[hop], paths.link_after[hop]
        if behind == NONE:
            continue
        part = part_of_rest
        if ending:
            with_last = _with_last(paths, state, hop, room)
            part = part if with_last < 0.0 else with_last * scale + more * (1.0 - with_last)
        amount = (state.crossed[hop - 1] - state.crossed[hop]) * part
        state.crossed[hop] += amount
        state.entered[behind] -= amount
        gone += amount
        if onward != NONE:
            state.before[onward] += amount
            inside += amount
    state.entered[link] += inside
    state.before[link] = max(0.0, state.before[link] - gone)
    return gone


@inlined
def _before_last(paths, links, state, link, room):
    """Of the flows whose last byte is here or past: bytes that wait, and those of them that go with it."""
    waits, along = 0.0, 0.0
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        if paths.link_before[hop] == NONE:
            continue
        part = _with_last(paths, state, hop, room)
        if part >= 0.0:
            waiting = state.crossed[hop - 1] - state.crossed[hop]
            waits += waiting
            along += waiting * part
    return waits, along


@inlined
def _with_last(paths, state, hop, room):
    """The part of a flow's bytes in a queue that goes in this step with its last one, before which `ahead` wait; below
    0: that one is not here yet."""
    flow = paths.hop_flow[hop]
    if state.sending[flow]:
        return -1.0
    beyond = state.stage[flow] - (hop - paths.indptr[flow])
    if beyond > 0:
        return 1.0
    if beyond < 0 or state.ahead[flow] < 0.0:
        return -1.0
    return room / state.ahead[flow] if room < state.ahead[flow] else 1.0


@inlined
def _send(paths, links, state, rules, link, rate):
    """Let the flows that begin on `link` send in turns, at `rate` in all, from one start or end to the next."""
    now = state.clock[NOW]
    end = now + state.clock[STEP]
    while now < end:
        level = _level(paths, links, state, rules, link, rate, now)
        change = _next_change(paths, links, state, rules, link, level, now, end)
        for at in range(links.first[link], links.first[link] + state.in_use[link]):
            hop = state.slot[at]
            flow = paths.hop_flow[hop]
            if paths.link_before[hop] != NONE or not state.sending[flow] or paths.start_s[flow] > now:
                continue
            amount = min(level, _allowed(paths, state, rules, flow)) * (change - now)
            if amount + _WHOLE >= state.left[flow]:
                amount = state.left[flow]
                _run_dry(paths, state, flow, change)
            state.left[flow] -= amount
            state.sent[flow] += amount
            state.gone[link] += amount
            state.crossed[hop] += amount
            if paths.link_after[hop] != NONE:
                state.before[paths.link_after[hop]] += amount
                state.entered[link] += amount
        now = change


@inlined
def _allowed(paths, state, rules, flow):
    """Rate at which the bytes in flight stay within the window to the end of the step, drained as in the last."""
    if rules.in_flight == np.inf:
        return np.inf
    kept = 1.0 / (1.0 + state.clears[flow] * state.clock[STEP])
    free = rules.in_flight - kept * queued_bytes(paths, state, flow)
    return max(0.0, free) / (paths.round_s[flow] + kept * state.clock[STEP])


@inlined
def _level(paths, links, state, rules, link, rate, now):
    """The rate of every sender that its window does not hold back further; inf if all are held back."""
    level, total = 0.0, rate
    while True:
        bound, free, over = 0.0, 0, np.inf
        for at in range(links.first[link], links.first[link] + state.in_use[link]):
            hop = state.slot[at]
            flow = paths.hop_flow[hop]
            if paths.link_before[hop] != NONE or not state.sending[flow] or paths.start_s[flow] > now:
                continue
            allowed = _allowed(paths, state, rules, flow)
            if allowed <= level:
                bound += allowed
            else:
                free += 1
                over = min(over, allowed)
        if free == 0:
            return np.inf
        level = (total - bound) / free
        if over >= level:
            return level


@inlined
def _next_change(paths, links, state, rules, link, level, now, end):
    """When the next of the flows that begin on `link` starts or runs dry, at most `end`."""
    change = end
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        flow = paths.hop_flow[hop]
        if paths.link_before[hop] != NONE or not state.sending[flow]:
            continue
        if paths.start_s[flow] > now:
            change = min(change, paths.start_s[flow])
            continue
        rate = min(level, _allowed(paths, state, rules, flow))
        if rate > 0.0:
            change = min(change, now + state.left[flow] / rate)
    return min(end, max(change, now + _INSTANT * state.clock[STEP]))


@inlined
def _run_dry(paths, state, flow, now):
    """The source has sent all: its last byte is on its way from `now`."""
    state.sending[flow] = False
    for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
        state.ending[paths.hop_link[hop]] += 1
    state.size[DRY] = 1
    state.stage[flow] = 1
    state.probe_s[flow] = now
    if paths.indptr[flow + 1] - paths.indptr[flow] == 1:
        state.probe_s[flow] += paths.forward_s[flow]
    state.ahead[flow] = -1.0
    state.probing[state.size[PROBING]] = flow
    state.size[PROBING] += 1
