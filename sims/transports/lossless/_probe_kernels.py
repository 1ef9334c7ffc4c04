"""The last byte of a flow on its way through the queues, and its acknowledgement on the way back.

It leaves a queue when as much has been served as had arrived before it: queues are first in, first out, though their
bytes are kept by flow and not by age. Data and queues move without latency here, so what belongs together in time has
the same distance from its source; an acknowledgement, which meets the data of others, is set back by a link's lag.
"""

from __future__ import annotations

from ...engine._kernel import inlined
from ._arbitration_kernels import gone_over_wire
from ._state_kernels import DONE, NONE, NOW, PROBING, STEP, paused_bytes

_WHOLE = 1e-3
"""Bytes below which nothing is left."""


@inlined
def follow_probes(paths, links, state, rules):
    """Move every last byte and acknowledgement as far as this step lets it."""
    i = 0
    while i < state.size[PROBING]:
        flow = state.probing[i]
        if not _follow(paths, links, state, rules, flow):
            i += 1
            continue
        state.done_s[flow] = state.probe_s[flow]
        state.size[DONE] += 1
        state.size[PROBING] -= 1
        state.probing[i] = state.probing[state.size[PROBING]]


@inlined
def _follow(paths, links, state, rules, flow):
    """Whether the flow is done."""
    hops = paths.indptr[flow + 1] - paths.indptr[flow]
    back = paths.back_indptr[flow + 1] - paths.back_indptr[flow] if rules.acked else 0
    while state.stage[flow] < hops + back:
        passed = state.stage[flow]
        if passed < hops:
            hop = paths.indptr[flow] + passed
            link = paths.hop_link[hop]
            if _looks_first(links, state, flow, 0.0):
                state.ahead[flow] = _queue_bytes(paths, links, state, flow, hop)
            own = state.crossed[hop - 1] - state.was_crossed[hop - 1]
            left_s = _cross(links, state, flow, link, 0.0, own)
        else:
            at = paths.back_indptr[flow] + passed - hops
            link = paths.back_link[at]
            if _looks_first(links, state, flow, links.lag_s[link]):
                state.ahead[flow] = _ack_bytes(links, state, flow, link, passed == hops)
            left_s = _cross(links, state, flow, link, links.lag_s[link], 0.0)
            if left_s >= 0.0:
                left_s += links.lag_s[link] + paths.back_s[at]
        if left_s < 0.0:
            return False
        state.stage[flow] += 1
        state.ahead[flow] = -1.0
        state.probe_s[flow] = left_s
        if state.stage[flow] == hops:
            state.probe_s[flow] += paths.forward_s[flow]
    return True


@inlined
def _looks_first(links, state, flow, lag_s):
    """Whether the probe reaches its queue in this step; `began_s` is then when."""
    now, reached_s = state.clock[NOW], state.probe_s[flow] - lag_s
    if state.ahead[flow] >= 0.0 or reached_s > now + state.clock[STEP]:
        return False
    state.began_s[flow] = max(now, reached_s)
    return True


@inlined
def _passed(state, flow):
    """The part of the step before the probe reached its queue."""
    return (state.began_s[flow] - state.clock[NOW]) / state.clock[STEP]


@inlined
def _queue_bytes(paths, links, state, flow, hop):
    """What is before a last byte when it reaches the queue before `hop`: what arrived in this step of its own flow, and
    of others whose last byte did so, too; of the rest as much as fits the time."""
    link = paths.hop_link[hop]
    sure = 0.0
    for at in range(links.first[link], links.first[link] + state.in_use[link]):
        each = state.slot[at]
        if paths.link_before[each] == NONE:
            continue
        other = paths.hop_flow[each]
        arrived = not state.sending[other] and state.crossed[each - 1] == state.crossed[paths.indptr[other]]
        if other == flow or arrived:
            sure += state.crossed[each - 1] - state.was_crossed[each - 1]
    came = state.before[link] + state.queued[link] - state.stood[link]
    return state.stood[link] + sure + (came - sure) * _passed(state, flow)


@inlined
def _ack_bytes(links, state, flow, link, first):
    """What is before an acknowledgement. An adapter sends it `first`, but not while it is paused."""
    if first:
        return paused_bytes(links, state, link) + state.able[link] * _passed(state, flow)
    came = state.before[link] + state.queued[link] - state.stood[link]
    return state.stood[link] + came * _passed(state, flow)


@inlined
def _cross(links, state, flow, link, lag_s, own):
    """When the link has served what was before the probe; below 0: not within this step.

    Where nothing waits, the packet under way is let finish, of which half is left on average, unless it is the flow's
    `own`.
    """
    if state.ahead[flow] < 0.0:
        return -1.0
    now, step_s = state.clock[NOW], state.clock[STEP]
    ahead, able = state.ahead[flow], state.able[link]
    if state.in_use[link] == 0 and state.before[link] == 0.0:
        ahead, able = 0.0, links.rate[link] * step_s
    if able <= 0.0 or able < ahead - _WHOLE:
        state.ahead[flow] = ahead - max(0.0, able)
        return -1.0
    waited_s = max(now + step_s * min(1.0, ahead / able) - state.began_s[flow], 0.0)
    others = max(0.0, gone_over_wire(links, state, link) - own) / (links.line[link] * step_s)
    return state.probe_s[flow] - lag_s + max(waited_s, 0.5 * links.packet_s[link] * min(1.0, others))
