"""From step to step, in short ones where flows start or end and in longer ones the less changes."""

from __future__ import annotations

import numpy as np

from ...engine._kernel import kernel, part
from ._probe_kernels import follow_probes
from ._service_kernels import serve
from ._state_kernels import ACTIVE, COUNTED, DONE, DRY, EVENT, NOW, PROBING, STARTED, STEP, admit, dismiss, meter

CALM, ROUGH = 0.05, 0.5
"""Of the swing of a buffer: steps grow where none changes by more, and shrink where one does."""

STEADY = 0.005
"""Rates and buffers that would change less over the longest step are taken to stand."""

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
        moved = _total(state.gone)
        rough = _note_buffers(links, state)
        drift = max(_drift(links, state), _note_rates(state))
        dismiss(paths, links, state, NEGLIGIBLE * rules.packet)
        state.clock[NOW] += state.clock[STEP]
        steady = drift * rules.longest_s <= STEADY * state.clock[STEP] and state.clock[COUNTED] > state.clock[EVENT]
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
    return True


@part
def _skip_to_start(paths, state):
    if state.size[ACTIVE] == 0 and state.size[PROBING] == 0:
        state.clock[NOW] = max(state.clock[NOW], paths.start_s[paths.by_start[state.size[STARTED]]])


@part
def _total(values):
    total = 0.0
    for value in values:
        total += value
    return total


@part
def _note_buffers(links, state):
    """Note how fast buffers emptied. Returns the most by which one that pauses has changed, as a part of its swing."""
    change = 0.0
    for link in range(len(links.rate)):
        state.served[link] += state.gone[link]
        state.leaving[link] = state.drained[link] / state.clock[STEP]
        grown = abs(state.entered[link] - state.was_entered[link])
        if state.entered[link] + grown > links.low[link]:
            change = max(change, grown / (links.high[link] - links.low[link]))
    return change


@part
def _drift(links, state):
    """The most by which a buffer has changed, as a part of what went through it."""
    drift = 0.0
    for link in range(len(links.rate)):
        grown = abs(state.entered[link] - state.was_entered[link])
        state.was_entered[link] = state.entered[link]
        if grown > 1.0:
            drift = max(drift, grown / max(state.drained[link], 1.0))
    return drift


@part
def _note_rates(state):
    """Note the rates of this step. Returns the most by which one has changed, as a part of itself."""
    step_s, drift = state.clock[STEP], 0.0
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        queued, rate, old = state.queued[flow], state.sent[flow] / step_s, state.rate[flow]
        cleared = state.was_queued[flow] + state.sent[flow] - queued
        state.clears[flow] = cleared / (queued * step_s) if queued > 0.0 else np.inf
        state.was_queued[flow] = queued
        state.rate[flow], state.sent[flow] = rate, 0.0
        drift = max(drift, abs(rate - old) / rate if rate > 0.0 and state.sending[flow] else np.inf)
    return drift


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
    load = state.came
    for link in range(len(load)):
        load[link] = state.acks[link]
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            load[paths.hop_link[hop]] += state.rate[flow]
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        least = 1.0
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            least = min(least, links.rate[link] / load[link])
        state.rate[flow] *= least


@part
def _jump(paths, links, state, ahead_s):
    """Go on for `ahead_s` at constant rates, buffers as they stand. Returns what was too little, or infinite."""
    if not 0.0 < ahead_s < np.inf:
        return ahead_s
    state.clock[NOW] += ahead_s
    for link in range(len(links.rate)):
        if state.in_use[link] > 0:
            meter(links, state, link, ahead_s)
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        amount = state.rate[flow] * ahead_s
        state.left[flow] -= amount
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            state.served[paths.hop_link[hop]] += amount
    return 0.0
