"""How the lanes of a wire share it: weighted round robin, in which what one lane leaves the others take."""

from __future__ import annotations

from ...engine._kernel import inlined, part
from ._state_kernels import NONE, NOW, STEP, room_bytes

_WHOLE = 1e-6
"""Bytes within which nothing is left to share."""


@part
def share_wire(paths, links, state, link):
    """Note how much each lane of this link's wire is granted in this step, and could have had."""
    begin, end, step_s = links.lanes_begin[link], links.lanes_end[link], state.clock[STEP]
    free = links.line[link] * step_s
    for lane in range(begin, end):
        free -= state.acks[lane] * step_s
        state.granted[lane] = 0.0
        state.able[lane] = max(0.0, room_bytes(links, state, lane, step_s))
        state.ready[lane] = min(state.able[lane], state.before[lane] + _to_send_bytes(paths, links, state, lane))
    _grant(links, state, begin, end, free)
    _note_ends(links, state, begin, end, free)


@part
def _grant(links, state, begin, end, free):
    """Grant lanes what they have ready, those that have more than their share by weight."""
    while free > _WHOLE:
        weights = 0.0
        for lane in range(begin, end):
            if state.granted[lane] < state.ready[lane]:
                weights += links.weight[lane]
        if weights == 0.0:
            return
        level, satisfied = free / weights, False
        for lane in range(begin, end):
            if state.granted[lane] < state.ready[lane] <= level * links.weight[lane]:
                state.granted[lane] = state.ready[lane]
                free -= state.ready[lane]
                satisfied = True
        if not satisfied:
            for lane in range(begin, end):
                if state.granted[lane] < state.ready[lane]:
                    state.granted[lane] = level * links.weight[lane]
            return


@part
def _note_ends(links, state, begin, end, whole):
    """A lane that is through with its grant before the step ends could have sent more in all of it: note how much, at
    the pace at which it shares the wire with those that are not through."""
    weights, level, passed = 0.0, 0.0, 0.0
    for lane in range(begin, end):
        state.ready[lane] = state.granted[lane] / links.weight[lane]
        if state.granted[lane] > 0.0:
            weights += links.weight[lane]
    while True:
        first = NONE
        for lane in range(begin, end):
            if state.ready[lane] > 0.0 and (first == NONE or state.ready[lane] < state.ready[first]):
                first = lane
        if first == NONE:
            return
        passed += (state.ready[first] - level) * weights / whole
        level = state.ready[first]
        weights -= links.weight[first]
        state.ready[first] = 0.0
        state.able[first] = min(state.able[first], state.granted[first] / passed)


@part
def _to_send_bytes(paths, links, state, link):
    """What the flows that begin on `link` have still at their sources."""
    waiting, until = 0.0, state.clock[NOW] + state.clock[STEP]
    if not links.begins[link]:
        return waiting
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        hop = state.slot[at]
        flow = paths.hop_flow[hop]
        if paths.link_before[hop] == NONE and state.sending[flow] and paths.start_s[flow] < until:
            waiting += state.left[flow]
    return waiting


@inlined
def gone_over_wire(links, state, link):
    """Bytes of all its lanes in this step."""
    total = 0.0
    for lane in range(links.lanes_begin[link], links.lanes_end[link]):
        total += state.gone[lane]
    return total
