"""From step to step, and over the times in which nothing changes."""

from __future__ import annotations

import numpy as np

from ...engine._kernel import kernel, part
from ._probe_kernels import follow_probes
from ._service_kernels import serve
from ._state_kernels import ACTIVE, DONE, DRY, NOW, PROBING, STARTED, WINDOW, admit, dismiss, meter

STEADY = 0.005
"""Rates and queues that change less from one window to the next are taken to stand."""

NEGLIGIBLE = 0.01
"""Of a packet."""

STUCK_WINDOWS = 1000
"""Windows in a row without a byte moved after which nothing will move any more."""


@kernel
def run_queues(paths, links, state, rules):
    """Run flows to their ends, written into `state.done_s`. Returns whether all ended: those in a deadlock do not."""
    idle = 0
    while state.size[DONE] < len(paths.start_s):
        _skip_to_start(paths, state)
        fresh = admit(paths, links, state, state.clock[NOW] + rules.step_s)
        serve(paths, links, state, rules)
        follow_probes(paths, links, state, rules)
        dismiss(paths, links, state, NEGLIGIBLE * rules.packet)
        state.clock[NOW] += rules.step_s
        if fresh > 0 or state.size[DRY] > 0:
            _begin_window(state, True)
            idle = 0
        elif state.clock[NOW] - state.clock[WINDOW] >= rules.window_s:
            idle = 0 if _moved(state) > 0.0 else idle + 1
            steady = _compare(paths, links, state)
            _acknowledge(paths, state, rules)
            if idle > STUCK_WINDOWS and state.size[STARTED] == len(paths.start_s):
                return False
            if steady:
                _fit(paths, links, state)
                _jump(paths, links, state, rules)
            _begin_window(state, False)
    dismiss(paths, links, state, np.inf)
    return True


@part
def _skip_to_start(paths, state):
    if state.size[ACTIVE] == 0 and state.size[PROBING] == 0:
        state.clock[NOW] = max(state.clock[NOW], paths.start_s[paths.by_start[state.size[STARTED]]])


@part
def _begin_window(state, forget):
    """Measure rates from now on; `forget` those before."""
    state.clock[WINDOW] = state.clock[NOW]
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        state.window_left[flow] = state.left[flow]
        if forget:
            state.rate[flow] = -1.0
    for link in range(len(state.before)):
        state.window_before[link] = state.before[link]


@part
def _moved(state):
    """Bytes served in this step."""
    total = 0.0
    for link in range(len(state.served)):
        total += state.served[link] - state.served_old[link]
    return total


@part
def _compare(paths, links, state):
    """Note the window's rates. Returns whether they, and the queues, stood still."""
    window_s = state.clock[NOW] - state.clock[WINDOW]
    steady = state.size[PROBING] == 0
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        rate = (state.window_left[flow] - state.left[flow]) / window_s
        steady &= state.sending[flow] and abs(rate - state.rate[flow]) <= STEADY * rate
        state.rate[flow] = rate
    for link in range(len(links.rate)):
        change = abs(state.before[link] - state.window_before[link])
        steady &= change <= STEADY * links.rate[link] * window_s
    return steady


@part
def _acknowledge(paths, state, rules):
    """What acknowledgements take of each link at the sources' rates."""
    if rules.ack_share == 0.0:
        return
    for link in range(len(state.acks)):
        state.acks[link] = 0.0
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        for at in range(paths.back_indptr[flow], paths.back_indptr[flow + 1]):
            state.acks[paths.back_link[at]] += rules.ack_share * state.rate[flow]


@part
def _fit(paths, links, state):
    """Slow flows down where the rates of a window, queues still moving a little, are more than a link's."""
    load = state.window_before
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
def _jump(paths, links, state, rules):
    """Go on at constant rates, queues as they stand, to just before the next source ends or starts."""
    ahead_s = np.inf
    for i in range(state.size[ACTIVE]):
        flow = state.active[i]
        if state.rate[flow] > 0.0:
            ahead_s = min(ahead_s, state.left[flow] / state.rate[flow])
    if state.size[STARTED] < len(paths.by_start):
        ahead_s = min(ahead_s, paths.start_s[paths.by_start[state.size[STARTED]]] - state.clock[NOW])
    ahead_s -= rules.step_s
    if not 0.0 < ahead_s < np.inf:
        return
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
            if hop > paths.indptr[flow]:
                state.arrived[paths.hop_link[hop]] += amount
