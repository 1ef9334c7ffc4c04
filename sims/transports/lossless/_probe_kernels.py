"""The last byte of a flow on its way through the queues, and its acknowledgement on the way back.

It leaves a queue when as much has been served as had arrived before it: queues are first in, first out, though their
bytes are kept by flow and not by age. Data and queues move without latency here, so what belongs together in time has
the same distance from its source; an acknowledgement, which meets the data of others, is set back by a link's lag.
"""

from __future__ import annotations

from ...engine._kernel import part
from ._state_kernels import DONE, NOW, PROBING

_ROUNDING = 1e-12
_WHOLE = 1e-3
"""Bytes that a mark may lack from rounding."""


@part
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


@part
def _follow(paths, links, state, rules, flow):
    """Whether the flow is done."""
    hops = paths.indptr[flow + 1] - paths.indptr[flow]
    back = paths.back_indptr[flow + 1] - paths.back_indptr[flow] if rules.acked else 0
    while state.stage[flow] < hops + back:
        returning = state.stage[flow] >= hops
        if returning:
            at = paths.back_indptr[flow] + state.stage[flow] - hops
            left_s = _return(paths, links, state, rules, flow, at)
        else:
            left_s = _queue(links, state, rules, flow, paths.hop_link[paths.indptr[flow] + state.stage[flow]], 0.0)
        if left_s < 0.0:
            return False
        state.stage[flow] += 1
        state.mark[flow] = -1.0
        state.probe_s[flow] = left_s
        if state.stage[flow] == hops:
            state.probe_s[flow] += paths.forward_s[flow]
    return True


@part
def _return(paths, links, state, rules, flow, at):
    """When the acknowledgement arrives at the end of hop `at` of its way; below 0: not within this step.

    An adapter sends acknowledgements first, a switch in their turn; either way the packet under way is let finish, of
    which half is left on average.
    """
    link = paths.back_link[at]
    reached_s = state.probe_s[flow] - links.lag_s[link]
    if reached_s > state.clock[NOW] + rules.step_s:
        return -1.0
    busy = (state.served[link] - state.served_old[link]) / (links.rate[link] * rules.step_s)
    rest_s = 0.5 * links.packet_s[link] * busy
    if at == paths.back_indptr[flow]:
        left_s = reached_s + rest_s
    else:
        left_s = _queue(links, state, rules, flow, link, links.lag_s[link])
        if left_s < 0.0:
            return -1.0
        left_s = max(left_s, reached_s + rest_s)
    return left_s + links.lag_s[link] + paths.back_s[at]


@part
def _queue(links, state, rules, flow, link, lag_s):
    """When the queue before `link` has served what arrived before the probe; below 0: not within this step."""
    now = state.clock[NOW]
    reached_s = state.probe_s[flow] - lag_s
    if reached_s > now + rules.step_s:
        return -1.0
    arrived = state.arrived[link] - state.arrived_old[link]
    served = state.served[link] - state.served_old[link]
    earliest_s = reached_s if state.mark[flow] < 0.0 else max(now, reached_s)
    if state.mark[flow] < 0.0:
        state.mark[flow] = state.arrived_old[link] + arrived * max(0.0, (reached_s - now) / rules.step_s)
    if state.served[link] < state.mark[flow] * (1.0 - _ROUNDING) - _WHOLE:
        return -1.0
    left_s = earliest_s
    if served > 0.0:
        left_s = now + rules.step_s * max(0.0, (state.mark[flow] - state.served_old[link]) / served)
    return max(left_s, earliest_s)
