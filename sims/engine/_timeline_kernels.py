"""When flows start and end, who is under way, and what changes in between.

A flow that is routed anew goes on in another *row*: rows 0 .. n - 1 are the flows on their first paths, then comes one
for each change of route. Rows have paths, slots and levels; flows have starts, finishes and dependencies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._fluid_kernels import DUE
from ._heap_kernels import sift_down, sift_up
from ._kernel import part


class Order(NamedTuple):
    """What holds flows back, beside their starts."""

    waits: np.ndarray  # int32[n] flows it waits for, counted down
    next_indptr: np.ndarray  # int64[n + 1] CSR: the flows that wait for it
    next_flows: np.ndarray  # int32[nnz]
    roots: np.ndarray  # int32[r] flows that wait for none, by start


class Shifts(NamedTuple):
    """Changes from outside, by time."""

    capacity_s: np.ndarray  # float64[c] when ...
    capacity_link: np.ndarray  # int32[c] ... a link ...
    capacity_bps: np.ndarray  # float64[c] ... gets another capacity
    route_s: np.ndarray  # float64[t] when ...
    route_row: np.ndarray  # int32[t] ... a flow goes over to another row


class Timeline(NamedTuple):
    """Of `n` flows in `rows` rows on `m` links."""

    start_s: np.ndarray  # float64[n] earliest start, raised to the end of what the flow waits for
    finish_s: np.ndarray  # float64[n] inf until it has ended
    row: np.ndarray  # int32[n] the flow's present row
    flow: np.ndarray  # int32[rows]
    joined_work: np.ndarray  # float64[rows] work the row began with
    left_work: np.ndarray  # float64[rows] work left when the flow went over to another row
    active: np.ndarray  # int32[n] rows under way
    place: np.ndarray  # int32[rows] where the row is in `active`, or ABSENT
    ending: np.ndarray  # int32[n] rows that end at this instant
    starting: np.ndarray  # int32[n] rows that start at this instant
    released_s: np.ndarray  # float64[n] heap of flows whose waits are over: start ...
    released: np.ndarray  # int32[n] ... and flow
    queue: np.ndarray  # int32[m + 1] workspace
    size: np.ndarray  # int64[7], indexed by the names below


ACTIVE, ENDING, STARTING, RELEASED, ROOTS, CAPACITIES, ROUTES = range(7)
"""Lengths of the lists and of the heap of a Timeline; roots, changes of capacity and of route that are past."""

ABSENT = -1


@part
def next_event(state, order, shifts, time):
    """Time of the next end, start or change; inf if there is none."""
    now = state.due_s[0] if state.size[DUE] > 0 else np.inf
    if time.size[ROOTS] < len(order.roots):
        now = min(now, time.start_s[order.roots[time.size[ROOTS]]])
    if time.size[RELEASED] > 0:
        now = min(now, time.released_s[0])
    if time.size[CAPACITIES] < len(shifts.capacity_s):
        now = min(now, shifts.capacity_s[time.size[CAPACITIES]])
    if time.size[ROUTES] < len(shifts.route_s):
        now = min(now, shifts.route_s[time.size[ROUTES]])
    return now


@part
def enter(time, row):
    """Add a row to those under way and to those that start now."""
    time.place[row] = time.size[ACTIVE]
    time.active[time.size[ACTIVE]] = row
    time.size[ACTIVE] += 1
    time.starting[time.size[STARTING]] = row
    time.size[STARTING] += 1


@part
def forget_start(time, row):
    """Take a row off those that start now, as its flow is routed anew once more."""
    kept = 0
    for other in time.starting[: time.size[STARTING]]:
        if other != row:
            time.starting[kept] = other
            kept += 1
    time.size[STARTING] = kept


@part
def withdraw(time, row):
    """Take a row off those under way."""
    last = time.active[time.size[ACTIVE] - 1]
    time.active[time.place[row]], time.place[last] = last, time.place[row]
    time.place[row] = ABSENT
    time.size[ACTIVE] -= 1


@part
def end_flow(time, order, flow, finish_s):
    """Note the end of a flow, and release those it was the last to hold back."""
    time.finish_s[flow] = finish_s
    for k in range(order.next_indptr[flow], order.next_indptr[flow + 1]):
        later = order.next_flows[k]
        time.start_s[later] = max(time.start_s[later], finish_s)
        order.waits[later] -= 1
        if order.waits[later] == 0:
            at = time.size[RELEASED]
            time.released_s[at], time.released[at] = time.start_s[later], later
            time.size[RELEASED] += 1
            sift_up(time.released_s, time.released, at)


@part
def start_flows(time, order, work, instant):
    """Enter the flows that start by `instant`, on their present rows.

    Those without work (float64[rows]) end at once, and so may release others for the same instant.
    """
    while True:
        root = time.size[ROOTS]
        if root < len(order.roots) and time.start_s[order.roots[root]] <= instant:
            flow = order.roots[root]
            time.size[ROOTS] += 1
        elif time.size[RELEASED] > 0 and time.released_s[0] <= instant:
            flow = time.released[0]
            time.size[RELEASED] -= 1
            size = time.size[RELEASED]
            time.released_s[0], time.released[0] = time.released_s[size], time.released[size]
            sift_down(time.released_s, time.released, size, 0)
        else:
            return
        if work[time.row[flow]] > 0.0:
            enter(time, time.row[flow])
        else:
            end_flow(time, order, flow, time.start_s[flow])
