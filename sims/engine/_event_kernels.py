"""The event loop: arrivals, dependencies and completions between full solves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ._certificate_kernels import link_loads, unfair_flow
from ._heap_kernels import sift_down, sift_up
from ._max_min_kernels import water_fill

SAME_INSTANT = 1e-12
"""Events this close, relative to the time of the first, are one instant: rounding apart, not time."""


class Work(NamedTuple):
    """What each flow has to do, and when. Work is bits / weight, done at the flow's level."""

    work: np.ndarray  # float64[n]
    start_s: np.ndarray  # float64[n] earliest start
    waits: np.ndarray  # int32[n] flows it waits for
    next_indptr: np.ndarray  # int64[n + 1] CSR: the flows that wait for it
    next_flows: np.ndarray  # int32[nnz]


@njit(cache=True)
def run_flows(paths, capacity, work, fill, certify, tolerance):
    """Start and finish of each flow, carried work per link, and the (flow, link) that failed a certificate or (-1, -1).

    paths in levels, capacity float64[m] in bit/s. `carried` (float64[m], bits) is integrated only if `certify`.
    """
    n, n_links = len(work.work), len(capacity)
    start, finish, due = work.start_s.copy(), np.full(n, np.inf), np.empty(n)
    left, waits = work.work.copy(), work.waits.copy()
    active, n_active = np.empty(n, np.int32), 0
    pending_key, pending, n_pending = np.empty(n), np.empty(n, np.int32), 0
    load, highest, carried = np.zeros(n_links), np.zeros(n_links), np.zeros(n_links)
    for f in range(n):
        if waits[f] == 0:
            pending_key[n_pending], pending[n_pending] = start[f], f
            sift_up(pending_key, pending, n_pending)
            n_pending += 1
    now = 0.0
    while n_active + n_pending > 0:
        then = now
        now = pending_key[0] if n_pending else np.inf
        for f in active[:n_active]:
            now = min(now, due[f])
        if certify:
            carried += load * (now - then)
        instant = now + SAME_INSTANT * now
        kept = 0
        for f in active[:n_active]:
            if due[f] <= instant:
                finish[f] = due[f]
                n_pending = _release(f, finish[f], work, start, waits, pending_key, pending, n_pending)
                continue
            left[f] -= fill.level[f] * (now - then)
            active[kept] = f
            kept += 1
        n_active = kept
        while n_pending and pending_key[0] <= instant:
            f = pending[0]
            n_pending -= 1
            pending_key[0], pending[0] = pending_key[n_pending], pending[n_pending]
            sift_down(pending_key, pending, n_pending, 0)
            if left[f] > 0:
                active[n_active] = f
                n_active += 1
            else:
                finish[f] = start[f]
                n_pending = _release(f, finish[f], work, start, waits, pending_key, pending, n_pending)
        water_fill(active[:n_active], paths, capacity, fill)
        for f in active[:n_active]:
            due[f] = now + left[f] / fill.level[f]
        if certify:
            load[:] = 0.0
            link_loads(active[:n_active], fill.level, paths, load, highest)
            bad = unfair_flow(active[:n_active], fill.level, paths, capacity, load, highest, tolerance)
            if bad[0] >= 0:
                return start, finish, carried, bad
    return start, finish, carried, (-1, -1)


@njit(cache=True)
def _release(flow, time, work, start, waits, pending_key, pending, n_pending):
    """Count `flow` as ended at `time` for the flows that wait for it; queue those it was the last for."""
    for k in range(work.next_indptr[flow], work.next_indptr[flow + 1]):
        f = work.next_flows[k]
        start[f] = max(start[f], time)
        waits[f] -= 1
        if waits[f] == 0:
            pending_key[n_pending], pending[n_pending] = start[f], f
            sift_up(pending_key, pending, n_pending)
            n_pending += 1
    return n_pending
