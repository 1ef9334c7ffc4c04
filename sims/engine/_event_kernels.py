"""The event loop: what ends and starts at an instant, and the levels after it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._due_kernels import collect_ending, refresh_due
from ._fluid_kernels import DUE, UNPLACED, asks, insert, meter, move, remove, touch
from ._heap_kernels import sift_down, sift_up
from ._kernel import kernel, part
from ._level_kernels import NEAR_FULL, fixpoint, mark
from ._proof_kernels import audit_levels, log_loads
from ._refill_kernels import refill

SAME_INSTANT = 1e-12
"""Events this close, relative to the time of the first, are one instant: rounding apart, not time."""


class Order(NamedTuple):
    """What holds flows back, beside their starts."""

    waits: np.ndarray  # int32[n] flows it waits for, counted down
    next_indptr: np.ndarray  # int64[n + 1] CSR: the flows that wait for it
    next_flows: np.ndarray  # int32[nnz]
    roots: np.ndarray  # int32[r] flows that wait for none, by start


class Timeline(NamedTuple):
    """When flows start and end, and who is under way."""

    start_s: np.ndarray  # float64[n] earliest start, raised to the end of what the flow waits for
    finish_s: np.ndarray  # float64[n]
    active: np.ndarray  # int32[n]
    place: np.ndarray  # int32[n] of an active flow in `active`
    ending: np.ndarray  # int32[n] flows that end at this instant
    starting: np.ndarray  # int32[n] flows with work that start at this instant
    released_s: np.ndarray  # float64[n] heap of flows whose waits are over: start ...
    released: np.ndarray  # int32[n] ... and flow
    queue: np.ndarray  # int32[m + 1] workspace
    size: np.ndarray  # int64[3] of `active`, of the heap `released`, and roots taken


ACTIVE, RELEASED, ROOTS = range(3)


@kernel
def run_flows(state, paths, capacity, order, time, fill, log, audit, tolerance):
    """Run flows to their ends, written into `time`. Returns whether it stopped because the log is full.

    paths in levels; capacity float64[m] in bit/s; fill: workspace of `water_fill`.
    """
    now = next_event(state, order, time)
    while now < np.inf:
        instant = now + SAME_INSTANT * now
        n_ending = collect_ending(state, instant, time.ending, time.finish_s, time.queue, state.cap_hop)
        for flow in time.ending[:n_ending]:
            _end(flow, order, time)
        n_starting = _collect_starting(state, instant, order, time)
        changed = n_ending + n_starting
        if 2 * changed <= time.size[ACTIVE] and _step(state, time, n_ending, n_starting, now):
            refresh_due(state)
        else:
            refill(state, paths, capacity, time.active[: time.size[ACTIVE]], time.ending[:n_ending], fill, now)
        if len(log.entries):
            log_loads(state, log, now)
            if len(log.entries) - log.size[0] < len(state.links):
                return True
        if audit.on[0] and not audit_levels(state, paths, capacity, time.active[: time.size[ACTIVE]], audit, tolerance):
            return False
        now = next_event(state, order, time)
    return False


@part
def next_event(state, order, time):
    """Time of the next end or start, inf if there is none."""
    now = state.due_s[0] if state.size[DUE] > 0 else np.inf
    if time.size[ROOTS] < len(order.roots):
        now = min(now, time.start_s[order.roots[time.size[ROOTS]]])
    if time.size[RELEASED] > 0:
        now = min(now, time.released_s[0])
    return now


@part
def _end(flow, order, time):
    """Take a flow off the active ones, and release those it was the last to hold back."""
    last = time.active[time.size[ACTIVE] - 1]
    time.active[time.place[flow]], time.place[last] = last, time.place[flow]
    time.size[ACTIVE] -= 1
    _release_next(flow, order, time)


@part
def _release_next(flow, order, time):
    for k in range(order.next_indptr[flow], order.next_indptr[flow + 1]):
        later = order.next_flows[k]
        time.start_s[later] = max(time.start_s[later], time.finish_s[flow])
        order.waits[later] -= 1
        if order.waits[later] == 0:
            at = time.size[RELEASED]
            time.released_s[at], time.released[at] = time.start_s[later], later
            time.size[RELEASED] += 1
            sift_up(time.released_s, time.released, at)


@part
def _collect_starting(state, instant, order, time):
    """Flows that start by `instant`, into `starting` and the active ones. Returns how many.

    Those without work end at once, and so may release others for the same instant.
    """
    n_starting = 0
    while True:
        taken = time.size[ROOTS]
        if taken < len(order.roots) and time.start_s[order.roots[taken]] <= instant:
            flow = order.roots[taken]
            time.size[ROOTS] += 1
        elif time.size[RELEASED] > 0 and time.released_s[0] <= instant:
            flow = time.released[0]
            time.size[RELEASED] -= 1
            size = time.size[RELEASED]
            time.released_s[0], time.released[0] = time.released_s[size], time.released[size]
            sift_down(time.released_s, time.released, size, 0)
        else:
            return n_starting
        if state.work[flow] > 0.0:
            time.place[flow] = time.size[ACTIVE]
            time.active[time.size[ACTIVE]] = flow
            time.size[ACTIVE] += 1
            time.starting[n_starting] = flow
            n_starting += 1
        else:
            time.finish_s[flow] = time.start_s[flow]
            _release_next(flow, order, time)


@part
def _step(state, time, n_ending, n_starting, now):
    """Change slots and levels for what ends and starts. Returns whether that was cheaper than a refill."""
    for flow in time.ending[:n_ending]:
        _leave(state, flow)
    for flow in time.starting[:n_starting]:
        _join(state, flow, now)
    return fixpoint(state, now, 2000 + 4 * time.size[ACTIVE])


@part
def _leave(state, flow):
    """Take a flow off its links, and mark those that were full."""
    bottleneck = state.hop_link[state.tight[flow]]
    level = state.links[bottleneck].level
    touch(state, bottleneck)
    remove(state, flow)
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link = state.links[state.hop_link[k]]
        meter(state, state.hop_link[k])
        if link.flows == 0:
            link.level, link.load = np.inf, 0.0
        elif link.level < np.inf:
            mark(state, state.hop_link[k])
        else:
            link.load -= level * asks(state.demand, k)


@part
def _join(state, flow, now):
    """Put a flow on its links: at the least level there, or, where none is full, left to the fullest link to place."""
    insert(state, flow)
    least, tight, least_slack, fullest = np.inf, UNPLACED, np.inf, UNPLACED
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link = state.links[state.hop_link[k]]
        if link.level < least:
            least, tight = link.level, k
        slack = (link.capacity - link.load) / asks(state.demand, k)
        if slack < least_slack:
            least_slack, fullest = slack, k
    if tight == UNPLACED:
        mark(state, state.hop_link[fullest])
        return
    move(state, flow, tight, now)
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link = state.links[state.hop_link[k]]
        if link.level == np.inf:
            link.load += least * asks(state.demand, k)
            meter(state, state.hop_link[k])
            if link.load <= link.capacity * (1.0 - NEAR_FULL):
                continue
        mark(state, state.hop_link[k])
