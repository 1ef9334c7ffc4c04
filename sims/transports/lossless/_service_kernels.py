"""One step of service: every link, upstream first, moves what the buffers behind it allow."""

from __future__ import annotations

import numpy as np

from ...engine._kernel import part
from ._state_kernels import DRY, NOW, PROBING, STEP, meter, pass_on, room_bytes

_WHOLE = 1e-6
"""Bytes within which a source counts as empty."""

_INSTANT = 1e-3
"""Of a step: changes this close to one another are one."""


@part
def serve(paths, links, state, rules):
    """Move bytes for one step."""
    step_s = state.clock[STEP]
    state.size[DRY] = 0
    for link in range(len(links.rate)):
        state.stood[link] = state.before[link]
        state.came[link] = state.gone[link] = state.drained[link] = 0.0
        state.able[link] = links.rate[link] * step_s
    for link in links.order:
        if state.in_use[link] == 0:
            continue
        meter(links, state, link, step_s)
        room = room_bytes(links, state, link, step_s)
        state.able[link] = room
        if room <= 0.0:
            continue
        if state.before[link] > 0.0:
            room -= _forward(paths, links, state, link, room)
        if links.begins[link] and room > 0.0:
            _send(paths, links, state, rules, link, room / step_s)


@part
def _forward(paths, links, state, link, room):
    """Serve the queue before `link` in proportion to what each flow has in it. Returns the bytes moved."""
    part_of_all = min(1.0, room / state.before[link])
    gone = 0.0
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        amount = state.waiting[hop] * part_of_all
        if amount == 0.0:
            continue
        state.waiting[hop] -= amount
        state.entered[paths.hop_link[hop - 1]] -= amount
        state.drained[paths.hop_link[hop - 1]] += amount
        gone += amount
        pass_on(paths, state, hop, amount)
    state.before[link] = max(0.0, state.before[link] - gone)
    state.gone[link] += gone
    return gone


@part
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
            if hop != paths.indptr[flow] or not state.sending[flow] or paths.start_s[flow] > now:
                continue
            amount = min(level, _allowed(paths, state, rules, flow)) * (change - now)
            if amount + _WHOLE >= state.left[flow]:
                amount = state.left[flow]
                _run_dry(paths, state, flow, change)
            state.left[flow] -= amount
            state.sent[flow] += amount
            state.queued[flow] += amount
            state.gone[link] += amount
            pass_on(paths, state, hop, amount)
        now = change


@part
def _allowed(paths, state, rules, flow):
    """Rate at which the bytes in flight stay within the window to the end of the step, drained as in the last."""
    if rules.in_flight == np.inf:
        return np.inf
    kept = 1.0 / (1.0 + state.clears[flow] * state.clock[STEP])
    free = rules.in_flight - kept * state.queued[flow]
    return max(0.0, free) / (paths.round_s[flow] + kept * state.clock[STEP])


@part
def _level(paths, links, state, rules, link, rate, now):
    """The rate of every sender that its window does not hold back further; inf if all are held back."""
    level, total = 0.0, rate
    while True:
        bound, free, over = 0.0, 0, np.inf
        for at in range(links.first[link], links.first[link] + state.in_use[link]):
            hop = state.slot[at]
            flow = paths.hop_flow[hop]
            if hop != paths.indptr[flow] or not state.sending[flow] or paths.start_s[flow] > now:
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


@part
def _next_change(paths, links, state, rules, link, level, now, end):
    """When the next of the flows that begin on `link` starts or runs dry, at most `end`."""
    change = end
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        flow = paths.hop_flow[hop]
        if hop != paths.indptr[flow] or not state.sending[flow]:
            continue
        if paths.start_s[flow] > now:
            change = min(change, paths.start_s[flow])
            continue
        rate = min(level, _allowed(paths, state, rules, flow))
        if rate > 0.0:
            change = min(change, now + state.left[flow] / rate)
    return min(end, max(change, now + _INSTANT * state.clock[STEP]))


@part
def _run_dry(paths, state, flow, now):
    """The source has sent all: its last byte is on its way from `now`."""
    state.sending[flow] = False
    state.size[DRY] = 1
    state.stage[flow] = 1
    state.probe_s[flow] = now
    if paths.indptr[flow + 1] - paths.indptr[flow] == 1:
        state.probe_s[flow] += paths.forward_s[flow]
    state.ahead[flow] = -1.0
    state.probing[state.size[PROBING]] = flow
    state.size[PROBING] += 1
