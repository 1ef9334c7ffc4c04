"""From step to step, in short ones where flows start or end and in longer ones the less changes."""

from __future__ import annotations

import numpy as np

from ...engine._kernel import inlined, kernel, part
from ._probe_kernels import follow_probes
from ._service_kernels import serve
from ._state_kernels import (
    ACTIVE,
    COUNTED,
    DONE,
    DRY,
    EVENT,
    LIVE,
    NOW,
    PROBING,
    STARTED,
    STEP,
    admit,
    dismiss,
    meter,
    queued_bytes,
)

CALM, ROUGH = 0.05, 0.5
"""Of the swing of a buffer: steps grow where none changes by more, and shrink where one does."""

STEADY = 0.005
"""Rates that would change less over the longest step, and over the time a flow's bytes spend in queues, are taken to
stand; and buffers that grow by less than this part of what goes through them."""

NEGLIGIBLE = 0.01
"""Of a packet."""

STUCK_STEPS, STUCK_BYTES = 100, 1e-6
"""Steps in a row, and bytes moved in each, after which nothing will move any more."""


@kernel
def run_queues(paths, links, state, rules):
    """Run flows to their ends, written into `state.done_s`. Returns whether all ended: those in a deadlock do not."""
    stuck = 0
    state.clock[STEP] = rules.step_s
    while state.size[DONE] < len(paths.start_s):
        _skip_to_start(paths, state)
        fresh = admit(paths, links, state, state.clock[NOW] + state.clock[STEP])
        serve(paths, links, state, rules)
        follow_probes(paths, links, state, rules)
        moved, rough, calm = _note_links(links, state)
        steady = _note_rates(paths, state, rules) and calm and state.clock[COUNTED] > state.clock[EVENT]
        dismiss(paths, links, state, NEGLIGIBLE * rules.packet)
        state.clock[NOW] += state.clock[STEP]
        _count_acknowledgements(paths, state, rules)
        if fresh > 0 or state.size[DRY] > 0:
            state.clock[EVENT], state.clock[STEP] = state.clock[NOW], rules.step_s
            stuck = 0
            continue
        ahead_s = _ahead_s(paths, state)
        if steady and state.size[PROBING] == 0:
            _fit(paths, links, state)
            ahead_s = _jump(paths, links, state, ahead_s - rules.step_s)
        _pace(state, rules, rough, ahead_s)
        stuck = stuck + 1 if moved <= STUCK_BYTES and state.size[ACTIVE] > 0 else 0
        if stuck > STUCK_STEPS and state.size[STARTED] == len(paths.start_s):
            return False
    dismiss(paths, links, state, np.inf)
    for i in range(state.size[LIVE]):
        state.served[state.live[i]] += state.before[state.live[i]]
    return True


@part
def _skip_to_start(paths, state):
    if state.size[ACTIVE] == 0 and state.size[PROBING] == 0:
        state.clock[NOW] = max(state.clock[NOW], paths.start_s[paths.by_start[state.size[STARTED]]])


@inlined
def _note_links(links, state):
    """Note what has crossed links, and how fast the buffers behind them emptied. Returns the bytes moved in all; the
    most by which a buffer that pauses has changed, as a part of its swing; and whether all change little, compared to
    what goes through them."""
    step_s = state.clock[STEP]
    moved, change, calm = 0.0, 0.0, True
    for i in range(state.size[LIVE]):
        link = state.live[i]
        gone, entered = state.gone[link], state.entered[link]
        drained = state.was_entered[link] + gone - entered
        grown = abs(entered - state.was_entered[link])
        moved += gone
        state.served[link] += gone
        state.leaving[link] = drained / step_s
        state.was_entered[link] = entered
        if entered + grown > links.low[link]:
            change = max(change, grown * links.slope[link])
        if grown > max(1.0, STEADY * drained):
            calm = False
    return moved, change, calm


@inlined
def _note_rates(paths, state, rules):
    """Note the rates of this step. Returns whether all send, and at rates that change little."""
    step_s, steady = state.clock[STEP], True
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        rate, old = state.sent[flow] / step_s, state.rate[flow]
        if rules.in_flight < np.inf:
            _note_window(paths, state, flow)
        state.rate[flow], state.sent[flow] = rate, 0.0
        if not state.sending[flow] or rate <= 0.0:
            steady = False
        elif steady:
            ahead_s = max(rules.longest_s, queued_bytes(paths, state, flow) / rate)
            steady = abs(rate - old) * ahead_s <= STEADY * step_s * rate
    return steady


@part
def _note_window(paths, state, flow):
    """Note how fast a flow's bytes leave the queues."""
    queued = queued_bytes(paths, state, flow)
    cleared = state.was_queued[flow] + state.sent[flow] - queued
    state.clears[flow] = cleared / (queued * state.clock[STEP]) if queued > 0.0 else np.inf
    state.was_queued[flow] = queued


@part
def _count_acknowledgements(paths, state, rules):
    """What acknowledgements take of each link at the sources' rates."""
    now = state.clock[NOW]
    if now - state.clock[COUNTED] < rules.count_s:
        return
    state.clock[COUNTED] = now
    if rules.ack_share == 0.0:
        return
    for link in range(len(state.acks)):
        state.acks[link] = 0.0
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        for at in range(paths.back_indptr[flow], paths.back_indptr[flow + 1]):
            state.acks[paths.back_link[at]] += rules.ack_share * state.rate[flow]


@part
def _ahead_s(paths, state):
    """How long it is to the next source's end or start, at the rates of now."""
    ahead_s = np.inf
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        if state.rate[flow] > 0.0:
            ahead_s = min(ahead_s, state.left[flow] / state.rate[flow])
    if state.size[STARTED] < len(paths.by_start):
        ahead_s = min(ahead_s, paths.start_s[paths.by_start[state.size[STARTED]]] - state.clock[NOW])
    return ahead_s


@part
def _pace(state, rules, rough, ahead_s):
    """Longer steps where little changes, up to the next source's end or start."""
    step_s = state.clock[STEP]
    if rough < CALM:
        step_s *= 2.0
    elif rough > ROUGH:
        step_s *= 0.5
    state.clock[STEP] = max(min(step_s, ahead_s, rules.longest_s), rules.step_s)


@part
def _fit(paths, links, state):
    """Slow flows down where the rates of a step, buffers still moving a little, are more than a link's."""
    load = state.stood
    for i in range(state.size[LIVE]):
        load[state.live[i]] = state.acks[state.live[i]]
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            load[paths.hop_link[hop]] += state.rate[flow]
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        least = 1.0
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            together = 0.0
            for lane in range(links.lanes_begin[link], links.lanes_end[link]):
                together += load[lane]
            least = min(least, links.rate[link] / load[link], links.line[link] / together)
        state.rate[flow] *= least


@part
def _jump(paths, links, state, ahead_s):
    """Go on for `ahead_s` at constant rates, buffers as they stand. Returns what was too little, or infinite."""
    if not 0.0 < ahead_s < np.inf:
        return ahead_s
    state.clock[NOW] += ahead_s
    for i in range(state.size[LIVE]):
        meter(links, state, state.live[i], ahead_s)
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        amount = state.rate[flow] * ahead_s
        state.left[flow] -= amount
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            state.crossed[hop] += amount
            state.served[paths.hop_link[hop]] += amount
    return 0.0
