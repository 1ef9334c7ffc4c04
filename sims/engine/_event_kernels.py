"""The event loop: what ends, changes and starts at an instant, and the levels after it."""

from __future__ import annotations

import numpy as np

from ._audit_kernels import audit_levels
from ._due_kernels import collect_ending, refresh_due
from ._fluid_kernels import EVENTS, RUNS, UNPLACED, asks, insert, move, remove, touch, work_left
from ._kernel import inlined, kernel, part
from ._level_kernels import NEAR_FULL, fixpoint, mark
from ._meter_kernels import meter
from ._refill_kernels import refill
from ._timeline_kernels import (
    ABSENT,
    ACTIVE,
    CAPACITIES,
    ENDING,
    ROUTES,
    STARTING,
    end_flow,
    enter,
    forget_start,
    next_event,
    start_flows,
    withdraw,
)

SAME_INSTANT = 1e-12
"""Events this close, relative to the time of the first, are one instant: rounding apart, not time."""


@kernel
def run_flows(state, paths, capacity, order, shifts, time, fill, audit, tolerance):
    """Run flows to their ends, written into `time`. Returns whether it stopped because there is no room for runs.

    paths in levels; capacity float64[m] in bit/s, kept up to date; fill: workspace of `water_fill`.
    """
    now = next_event(state, order, shifts, time)
    while now < np.inf:
        instant = now + SAME_INSTANT * now
        _end_flows(state, order, time, instant)
        _change_capacities(state, capacity, shifts, time, instant, now)
        _change_routes(state, shifts, time, instant, now)
        start_flows(time, order, state.work, instant)
        active, gone = time.active[: time.size[ACTIVE]], time.ending[: time.size[ENDING]]
        changed = time.size[ENDING] + time.size[STARTING]
        if 2 * changed <= len(active) and _step(state, time, now):
            refresh_due(state)
        else:
            refill(state, paths, capacity, active, gone, fill, now)
        if audit.on[0] and not audit_levels(state, paths, capacity, active, audit, tolerance):
            return False
        state.size[EVENTS] += 1
        if len(state.meters) and len(state.runs) <= state.size[RUNS] + 2 * len(state.meters):
            return True
        now = next_event(state, order, shifts, time)
    return False


@part
def _end_flows(state, order, time, instant):
    time.size[STARTING] = 0
    time.size[ENDING] = collect_ending(state, instant, time)
    for row in time.ending[: time.size[ENDING]]:
        flow = time.flow[row]
        withdraw(time, row)
        end_flow(time, order, flow, time.finish_s[flow])


@part
def _change_capacities(state, capacity, shifts, time, instant, now):
    while time.size[CAPACITIES] < len(shifts.capacity_s):
        at = time.size[CAPACITIES]
        if shifts.capacity_s[at] > instant:
            return
        time.size[CAPACITIES] += 1
        number = shifts.capacity_link[at]
        meter(state, number, now)
        capacity[number] = state.links[number].capacity = shifts.capacity_bps[at]
        if state.links[number].flows > 0:
            mark(state, number)


@part
def _change_routes(state, shifts, time, instant, now):
    """Let flows go on in other rows: those under way with the work they have left."""
    while time.size[ROUTES] < len(shifts.route_s):
        at = time.size[ROUTES]
        if shifts.route_s[at] > instant:
            return
        time.size[ROUTES] += 1
        new = shifts.route_row[at]
        flow = time.flow[new]
        old = time.row[flow]
        if time.finish_s[flow] < np.inf:
            continue
        time.row[flow] = new
        if time.place[old] == ABSENT:
            state.work[new], time.joined_work[new], time.joined_work[old] = state.work[old], state.work[old], 0.0
            continue
        left = work_left(state, old, now)
        state.work[new] = time.joined_work[new] = time.left_work[old] = left
        withdraw(time, old)
        enter(time, new)
        if state.tight[old] == UNPLACED:
            forget_start(time, old)
        else:
            time.ending[time.size[ENDING]] = old
            time.size[ENDING] += 1


@inlined
def _step(state, time, now):
    """Change slots and levels for what ends and starts. Returns whether that was cheaper than a refill."""
    for row in time.ending[: time.size[ENDING]]:
        _leave(state, row, now)
    for row in time.starting[: time.size[STARTING]]:
        _join(state, row, now)
    return fixpoint(state, now, 2000 + 4 * time.size[ACTIVE])


@inlined
def _leave(state, flow, now):
    """Take a flow off its links, and mark those that were full."""
    bottleneck = state.hop_link[state.tight[flow]]
    level = state.links[bottleneck].level
    touch(state, bottleneck)
    remove(state, flow)
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link = state.links[state.hop_link[k]]
        if link.flows > 0 and link.level < np.inf:
            mark(state, state.hop_link[k])
            continue
        meter(state, state.hop_link[k], now)
        if link.flows == 0:
            link.level, link.load = np.inf, 0.0
        else:
            link.load -= level * asks(state.demand, k)


@inlined
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
            meter(state, state.hop_link[k], now)
            link.load += least * asks(state.demand, k)
            if link.load <= link.capacity * (1.0 - NEAR_FULL):
                continue
        mark(state, state.hop_link[k])
