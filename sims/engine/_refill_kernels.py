"""The whole state afresh from one water-filling: for instants at which most flows change."""

from __future__ import annotations

import numpy as np

from ._due_kernels import refresh_due
from ._fluid_kernels import (
    MOVED,
    READ,
    RUNS,
    TOUCHED,
    UNPLACED,
    asks,
    is_coupled,
    sift_own_down,
    touch,
    work_left,
)
from ._kernel import part
from ._max_min_kernels import water_fill
from ._meter_kernels import meter


@part
def refill(state, paths, capacity, active, gone, fill, now):
    """Lay out slots, clocks and completions of the flows `active` (int32[k]) at their max-min levels.

    gone: int32[j] flows that were active before; fill: workspace of `water_fill`.
    """
    for flow in active:
        state.work[flow] = work_left(state, flow, now)
    state.size[:RUNS] = 0
    _clear(state, gone, now)
    _clear(state, active, now)
    water_fill(active, paths, capacity, fill)
    _place_own(state, active, fill)
    _place_others(state, active, fill)
    for number in state.touched[: state.size[TOUCHED]]:
        link = state.links[number]
        for at in range(link.own // 2 - 1, -1, -1):
            sift_own_down(state.slots, state.hop_slot, link.first, link.own, link.first + at)
    refresh_due(state)


@part
def _clear(state, flows, now):
    for flow in flows:
        state.tight[flow] = UNPLACED
        for k in range(state.indptr[flow], state.indptr[flow + 1]):
            link = state.links[state.hop_link[k]]
            meter(state, state.hop_link[k], now)
            link.level, link.load, link.clock, link.clock_s = np.inf, 0.0, 0.0, now
            link.own = link.flows = link.coupled = link.dirty = link.touched = 0
            link.due_at = -1


@part
def _place_own(state, active, fill):
    for flow in active:
        number = fill.bottleneck[flow]
        link = state.links[number]
        touch(state, number)
        link.level = fill.level[flow]
        for k in range(state.indptr[flow], state.indptr[flow + 1]):
            if state.hop_link[k] == number:
                state.tight[flow] = k
                _put(state, link, k, number)
                link.own += 1
                link.coupled += is_coupled(state, flow)


@part
def _place_others(state, active, fill):
    state.size[MOVED] += len(active)
    for flow in active:
        state.size[READ] += state.indptr[flow + 1] - state.indptr[flow]
        for k in range(state.indptr[flow], state.indptr[flow + 1]):
            if k != state.tight[flow]:
                link = state.links[state.hop_link[k]]
                _put(state, link, k, fill.bottleneck[flow])
                link.load += fill.level[flow] * asks(state.demand, k)


@part
def _put(state, link, hop, bottleneck):
    at = link.first + link.flows
    link.flows += 1
    slot = state.slots[at]
    slot.key, slot.hop, slot.bottleneck = state.work[state.hop_flow[hop]], hop, bottleneck
    state.hop_slot[hop] = at
