"""Water-filling on flat arrays: the kernel of `max_min_rates` and of the event engine's full solves.

Everything is counted in *levels* (rate / weight). A flow takes `demand * level` of each link on its path,
where demand is share * weight; its limit is cap / weight. A link with a single flow only limits that flow, so it never
enters the heap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ._heap_kernels import heapify, sift_down

OPEN = -1.0
"""Level of a flow that water-filling has not frozen yet."""

CAPPED = -1
"""Bottleneck of a flow that its own cap limits."""


class Paths(NamedTuple):
    """What flows ask of links: CSR over links, one row per flow."""

    indptr: np.ndarray  # int64[n + 1]
    links: np.ndarray  # int32[nnz]
    demand: np.ndarray  # float64[nnz] share * weight, or float64[0] when every demand is 1
    limit: np.ndarray  # float64[n] cap / weight, inf for none


class Filling(NamedTuple):
    """Result and workspace of a water-filling; `crossing` is zero between calls."""

    flow_level: np.ndarray  # float64[n] rate / weight
    flow_limit: np.ndarray  # float64[n] least of the cap and the links this flow has for itself
    bottleneck: np.ndarray  # int32[n] link that limits the flow, or CAPPED
    link_level: np.ndarray  # float64[m] level of the flows a link limits, inf where it limits none
    crossing: np.ndarray  # int32[m] flows on the link
    first: np.ndarray  # int32[m] where the link's row of open flows begins ...
    end: np.ndarray  # int32[m] ... and ends
    frozen: np.ndarray  # float64[m] what frozen flows take of the link
    used: np.ndarray  # int32[m]
    member: np.ndarray  # int32[nnz] rows: flow ...
    member_demand: np.ndarray  # float64[nnz] ... and its demand, or float64[0]
    heap_key: np.ndarray  # float64[m]
    heap_link: np.ndarray  # int32[m]


@njit(cache=True)
def new_filling(n_flows, n_links, nnz, unit):
    """Workspace for `n_flows` flows with `nnz` hops over `n_links` links; `unit`: every demand is 1."""
    return Filling(
        np.empty(n_flows),
        np.empty(n_flows),
        np.empty(n_flows, np.int32),
        np.full(n_links, np.inf),
        np.zeros(n_links, np.int32),
        np.empty(n_links, np.int32),
        np.empty(n_links, np.int32),
        np.empty(n_links),
        np.empty(n_links, np.int32),
        np.empty(nnz, np.int32),
        np.empty(0 if unit else nnz),
        np.empty(n_links),
        np.empty(n_links, np.int32),
    )


@njit(cache=True)
def _transpose(active, paths, capacity, fill):
    """Rows of open flows per shared link; private links become limits. Returns the number of links in use."""
    indptr, links, demand, limit = paths
    unit = demand.size == 0
    n_used = 0
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if fill.crossing[link] == 0:
                fill.used[n_used] = link
                n_used += 1
            fill.crossing[link] += 1
    start = 0
    for i in range(n_used):
        link = fill.used[i]
        fill.link_level[link] = np.inf
        fill.frozen[link] = 0.0
        if fill.crossing[link] > 1:
            fill.first[link] = fill.end[link] = start
            start += fill.crossing[link]
    for f in active:
        least, narrowest = limit[f], CAPPED
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if fill.crossing[link] == 1:
                private = capacity[link] if unit else capacity[link] / demand[k]
                if private < least:
                    least, narrowest = private, link
                continue
            fill.member[fill.end[link]] = f
            if not unit:
                fill.member_demand[fill.end[link]] = demand[k]
            fill.end[link] += 1
        fill.flow_level[f] = OPEN
        fill.flow_limit[f] = least
        fill.bottleneck[f] = narrowest
    return n_used


@njit(cache=True)
def _settle_row(link, fill):
    """Move flows frozen since the last visit out of the link's row, into its frozen load. Returns the open demand."""
    unit = fill.member_demand.size == 0
    open_demand = 0.0
    i = fill.first[link]
    while i < fill.end[link]:
        level = fill.flow_level[fill.member[i]]
        weight = 1.0 if unit else fill.member_demand[i]
        if level == OPEN:
            open_demand += weight
            i += 1
            continue
        fill.frozen[link] += weight * level
        fill.end[link] -= 1
        fill.member[i] = fill.member[fill.end[link]]
        if not unit:
            fill.member_demand[i] = fill.member_demand[fill.end[link]]
    return open_demand


@njit(cache=True)
def _freeze_limited(link, level, fill):
    """Freeze the link's open flows whose own limit is at most `level`. Returns whether there were any."""
    found = False
    for i in range(fill.first[link], fill.end[link]):
        f = fill.member[i]
        if fill.flow_limit[f] <= level:
            fill.flow_level[f] = fill.flow_limit[f]
            found = True
    return found


@njit(cache=True)
def _freeze_all(link, level, fill):
    """Freeze the link's open flows at `level`, the link their bottleneck."""
    fill.link_level[link] = level
    for i in range(fill.first[link], fill.end[link]):
        f = fill.member[i]
        fill.flow_level[f] = level
        fill.bottleneck[f] = link


@njit(cache=True)
def water_fill(active, paths, capacity, fill):
    """Max-min levels of the flows `active` (int32[k]) on links of `capacity` (float64[m]), written into `fill`.

    Keys of the heap are saturation levels as last computed. Freezing flows at the least level never lowers another
    link's level, so a key is a lower bound: the link on top is recomputed, and put back if its level has risen.
    A link is thus visited only when it may be next, and frozen load is summed, never subtracted.
    """
    n_used = _transpose(active, paths, capacity, fill)
    key, heap = fill.heap_key, fill.heap_link
    size = 0
    for i in range(n_used):
        link = fill.used[i]
        if fill.crossing[link] > 1:
            key[size] = capacity[link] / _settle_row(link, fill)
            heap[size] = link
            size += 1
        fill.crossing[link] = 0
    heapify(key, heap, size)
    level = 0.0
    while size > 0:
        link = heap[0]
        open_demand = _settle_row(link, fill)
        if open_demand == 0.0:
            size -= 1
            key[0], heap[0] = key[size], heap[size]
            sift_down(key, heap, size, 0)
            continue
        # Rounding may leave a link a hair below the level already reached, never truly below it.
        now = max(level, (capacity[link] - fill.frozen[link]) / open_demand)
        if now > key[0] or _freeze_limited(link, now, fill):
            key[0] = now
            sift_down(key, heap, size, 0)
            continue
        level = now
        _freeze_all(link, level, fill)
        size -= 1
        key[0], heap[0] = key[size], heap[size]
        sift_down(key, heap, size, 0)
    for f in active:
        if fill.flow_level[f] == OPEN:
            fill.flow_level[f] = fill.flow_limit[f]
        if fill.bottleneck[f] != CAPPED and fill.link_level[fill.bottleneck[f]] == np.inf:
            fill.link_level[fill.bottleneck[f]] = fill.flow_level[f]
