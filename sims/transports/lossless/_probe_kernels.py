"""The last byte of a flow on its way through the queues, and its acknowledgement on the way back.

It leaves a queue when as much has been served as had arrived before it: queues are first in, first out, though their
bytes are kept by flow and not by age. Data and queues move without latency here, so what belongs together in time has
the same distance from its source; an acknowledgement, which meets the data of others, is set back by a link's lag.
"""

from __future__ import annotations

from ...engine._kernel import part
from ._state_kernels import DONE, NOW, PROBING, STEP, paused_bytes

_WHOLE = 1e-3
"""Bytes below which nothing is left."""


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
        passed = state.stage[flow]
        if passed < hops:
            link = paths.hop_link[paths.indptr[flow] + passed]
            left_s = _cross(links, state, flow, link, 0.0, False, state.sent[flow])
        else:
            at = paths.back_indptr[flow] + passed - hops
            link = paths.back_link[at]
            left_s = _cross(links, state, flow, link, links.lag_s[link], passed == hops, 0.0)
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


@part
def _cross(links, state, flow, link, lag_s, first, own):
    """When the link has served what arrived before the probe; below 0: not within this step.

    Where nothing waits, the packet under way is let finish, of which half is left on average, unless it is the flow's
    `own`. An adapter sends acknowledgements `first`, but not while it is paused.
    """
    now, step_s = state.clock[NOW], state.clock[STEP]
    reached_s = state.probe_s[flow] - lag_s
    if reached_s > now + step_s:
        return -1.0
    early_s = 0.0
    if state.ahead[flow] < 0.0:
        early_s = max(0.0, now - reached_s)
        if first:
            state.ahead[flow] = paused_bytes(links, state, link)
        else:
            state.ahead[flow] = state.stood[link] + state.came[link] * max(0.0, (reached_s - now) / step_s)
    ahead, able = state.ahead[flow], state.able[link]
    if able <= 0.0 or able < ahead - _WHOLE:
        state.ahead[flow] = ahead - max(0.0, able)
        return -1.0
    others = max(0.0, state.gone[link] - own) / (links.rate[link] * step_s)
    rest_s = 0.5 * links.packet_s[link] * min(1.0, others)
    return max(now + step_s * min(1.0, ahead / able) - early_s, reached_s + rest_s)
