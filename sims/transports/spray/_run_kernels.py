"""Sprayed flows from start to end, event by event."""

from __future__ import annotations

import math

import numpy as np

from ...engine._kernel import kernel, part
from ._share_kernels import share
from ._state_kernels import ACTIVE, STARTED
from ._wait_kernels import back_wait_s, forward_wait_s, weigh

_SETTLED = 1e-3
_STILL = 0.02
"""Packets."""
_MOST_TURNS = 30
_AT_LIMIT = 0.99


@kernel
def run_sprayed(sprayed, classes, sharing, laws):
    """Run flows to their ends, written into `sharing.done_s`.

    Rates are set in turns of `turn_s`, as senders learn of others within a round trip; a flow counts in the turn in
    which it starts or ends, but sends in its own time alone. A turn in which all is settled lasts to the next event.
    """
    now = 0.0
    flows = len(sprayed.wire)
    while sharing.size[STARTED] < flows or sharing.size[ACTIVE] > 0:
        idle = sharing.size[ACTIVE] == 0
        if idle:
            now = max(now, sprayed.start_s[sprayed.by_start[sharing.size[STARTED]]])
        started = _start(sprayed, sharing, now + laws.turn_s)
        settled = _settle(sprayed, classes, sharing, laws, _MOST_TURNS if idle else 1)
        then = now + laws.turn_s
        if settled and not started:
            then = max(then, _next_event(sprayed, sharing, now))
        _move(sprayed, classes, sharing, laws, now, then)
        now = then


@part
def _start(sprayed, sharing, until):
    """Let the flows in that start before `until`. Returns whether there are any."""
    before = sharing.size[STARTED]
    while sharing.size[STARTED] < len(sprayed.wire):
        flow = sprayed.by_start[sharing.size[STARTED]]
        if sprayed.start_s[flow] >= until:
            break
        sharing.active[sharing.size[ACTIVE]] = flow
        sharing.rate[flow] = 0.0
        sharing.size[ACTIVE] += 1
        sharing.size[STARTED] += 1
    return sharing.size[STARTED] > before


@part
def _settle(sprayed, classes, sharing, laws, turns):
    """Rates make loads, loads make waits, waits and windows make rates: some turns of it. Returns whether the last
    changed nothing."""
    for _ in range(turns):
        before, after = 0.0, 0.0
        wait_moved = weigh(sprayed, classes, sharing, laws)
        for i in range(sharing.size[ACTIVE]):
            before += sharing.rate[sharing.active[i]]
        share(sprayed, classes, sharing)
        for i in range(sharing.size[ACTIVE]):
            after += sharing.rate[sharing.active[i]]
        if wait_moved <= _STILL and abs(after - before) <= _SETTLED * after:
            return True
    return False


@part
def _next_event(sprayed, sharing, now):
    """When the next flow starts or ends at the rates of now."""
    ahead_s = np.inf
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        ahead_s = min(ahead_s, sharing.left[flow] / sharing.rate[flow])
    if sharing.size[STARTED] < len(sprayed.wire):
        ahead_s = min(ahead_s, sprayed.start_s[sprayed.by_start[sharing.size[STARTED]]] - now)
    return now + ahead_s


@part
def _move(sprayed, classes, sharing, laws, now, then):
    """Send until `then`, and end the flows that have sent all."""
    i = 0
    while i < sharing.size[ACTIVE]:
        flow = sharing.active[i]
        begin = max(now, sprayed.start_s[flow])
        end = begin + sharing.left[flow] / sharing.rate[flow]
        if end > then:
            sharing.left[flow] -= sharing.rate[flow] * (then - begin)
            i += 1
            continue
        sharing.done_s[flow] = end + _last_packet_s(sprayed, classes, sharing, laws, flow)
        sharing.size[ACTIVE] -= 1
        sharing.active[i] = sharing.active[sharing.size[ACTIVE]]


@part
def _last_packet_s(sprayed, classes, sharing, laws, flow):
    """From the last byte's leaving, were the flow a steady stream, to its end.

    A window of w packets leaves at line rate once per round trip: n packets take floor((n - 1) / w) round trips and the
    rest of a window, where the stream would take n / w.
    """
    waits_s = forward_wait_s(sprayed, sharing, flow)
    late_s = sprayed.forward_s[flow] + waits_s
    waits_s += back_wait_s(sprayed, sharing, flow)
    if laws.acked:
        late_s = sprayed.forward_s[flow] + sprayed.back_s[flow] + waits_s
    held = sharing.rate[flow] >= _AT_LIMIT * sharing.most[flow] and sharing.most[flow] < sprayed.line[flow]
    if held and not _meets_full_link(sprayed, classes, sharing, flow):
        round_s = sprayed.round_s[flow] + waits_s
        count = math.ceil(sprayed.wire[flow] / laws.packet - 1e-9)
        window = sprayed.window[flow] / laws.packet
        whole = math.floor((count - 1) / window)
        rest_s = (count - whole * window) * laws.packet / sprayed.line[flow]
        late_s += whole * round_s + rest_s - count / window * round_s
    return late_s


@part
def _meets_full_link(sprayed, classes, sharing, flow):
    """Whether a link that may limit the flow has no room for windows in one go."""
    for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
        number = sprayed.bound_classes[at]
        if sharing.data[number] >= _AT_LIMIT * classes.room[number]:
            return True
    return False
