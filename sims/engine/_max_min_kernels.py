"""Water-filling on flat arrays: the kernel of `max_min_rates` and of the event engine's full solves.

Everything is counted in *levels* (rate / weight). A flow takes `demand * level` of each link on its path, where demand
is share * weight; its limit is cap / weight. A link with a single flow only limits that flow, so it never enters the
heap; the others are *shared*, and numbered anew so that one row of 24 bytes holds all that the loop reads of a link.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._heap_kernels import heapify, sift_down
from ._kernel import kernel, part

CAPPED = -1
"""Bottleneck of a flow that its own cap limits."""

SHARED = np.dtype([("frozen", "f8"), ("link", "i4"), ("first", "i4"), ("end", "i4")], align=True)
"""A shared link: load of its frozen flows, its id, and its row of open flows `first <= i < end`."""


class Paths(NamedTuple):
    """What flows ask of links: CSR over links, one row per flow."""

    indptr: np.ndarray  # int64[n + 1]
    links: np.ndarray  # int32[nnz]
    demand: np.ndarray  # float64[nnz] share * weight, or float64[0] when every demand is 1
    limit: np.ndarray  # float64[n] cap / weight, inf for none


class Filling(NamedTuple):
    """Result (`level`, `bottleneck`) and workspace of a water-filling; `crossing` is zero between calls."""

    level: np.ndarray  # float64[n] rate / weight; while the flow is open, minus its limit
    bottleneck: np.ndarray  # int32[n] link that limits the flow, or CAPPED
    shared: np.ndarray  # SHARED[shared links]
    crossing: np.ndarray  # int32[m] flows on the link; once the shared ones are numbered, -1 - number of such a link
    member: np.ndarray  # int32[nnz] rows of shared links: flow ...
    member_demand: np.ndarray  # float64[nnz] ... and its demand, or float64[0]
    key: np.ndarray  # float64[shared links] heap: saturation level ...
    heap: np.ndarray  # int32[shared links] ... and number of the link


def new_filling(n_flows: int, n_links: int, n_hops: int, unit: bool) -> Filling:
    """Workspace for `n_flows` flows with `n_hops` hops over `n_links` links; `unit`: every demand is 1."""
    most_shared = min(n_links, n_hops // 2)
    return Filling(
        np.empty(n_flows),
        np.empty(n_flows, np.int32),
        np.empty(most_shared, SHARED),
        np.zeros(n_links, np.int32),
        np.empty(n_hops, np.int32),
        np.empty(0 if unit else n_hops),
        np.empty(most_shared),
        np.empty(most_shared, np.int32),
    )


@part
def _number_shared(active, paths, fill):
    """Count the flows of each link, number the shared ones and lay out their rows. Returns how many there are."""
    indptr, links, crossing = paths.indptr, paths.links, fill.crossing
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            crossing[links[k]] += 1
    n_shared, start = 0, 0
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            flows = crossing[links[k]]
            if flows > 1:
                row = fill.shared[n_shared]
                row.frozen = 0.0
                row.link = links[k]
                row.first = row.end = start
                start += flows
                n_shared += 1
                crossing[links[k]] = -n_shared
    return n_shared


@part
def _fill_rows(active, paths, capacity, fill):
    """Enter the flows in the rows of their shared links; their private links become limits. Clears `crossing`."""
    indptr, links, demand, limit = paths
    crossing, unit = fill.crossing, len(demand) == 0
    for f in active:
        least, narrowest = limit[f], CAPPED
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if crossing[link] < 0:
                row = fill.shared[-1 - crossing[link]]
                fill.member[row.end] = f
                if not unit:
                    fill.member_demand[row.end] = demand[k]
                row.end += 1
                continue
            private = capacity[link] if unit else capacity[link] / demand[k]
            if private < least:
                least, narrowest = private, link
        fill.level[f] = -least if least > 0.0 else 0.0
        fill.bottleneck[f] = narrowest
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            crossing[links[k]] = 0


@part
def _order_links(n_shared, capacity, fill):
    """Heap of the shared links by the level at which their flows alone would fill them."""
    for number in range(n_shared):
        row = fill.shared[number]
        demand = float(row.end - row.first)
        if len(fill.member_demand):
            demand = fill.member_demand[row.first : row.end].sum()
        fill.key[number] = capacity[row.link] / demand
        fill.heap[number] = number
    heapify(fill.key, fill.heap, n_shared)


@part
def _visit(row, level, member, member_demand):
    """Move flows frozen since the last visit out of the row, into its frozen load.

    Returns the demand of the open flows and their least limit.
    """
    unit = len(member_demand) == 0
    open_demand, least = 0.0, np.inf
    i, end, frozen = row.first, row.end, row.frozen
    while i < end:
        standing = level[member[i]]
        demand = 1.0 if unit else member_demand[i]
        if standing < 0.0:
            open_demand += demand
            least = min(least, -standing)
            i += 1
            continue
        frozen += demand * standing
        end -= 1
        member[i] = member[end]
        if not unit:
            member_demand[i] = member_demand[end]
    row.end, row.frozen = end, frozen
    return open_demand, least


@part
def _freeze_limited(row, now, level, member):
    """Freeze at their limits the open flows of the row that have one of at most `now`."""
    for i in range(row.first, row.end):
        if -level[member[i]] <= now:
            level[member[i]] *= -1.0


@kernel
def water_fill(active, paths, capacity, fill):
    """Max-min levels and bottlenecks of the flows `active` (int32[k]) on links of `capacity` (float64[m]).

    Keys of the heap are saturation levels as last computed. Freezing flows at the least level never lowers another
    link's level, so a key is a lower bound: the link on top is recomputed, and put back if its level has risen.
    A link is thus visited only when it may be next, and frozen load is summed, never subtracted.
    """
    size = _number_shared(active, paths, fill)
    _fill_rows(active, paths, capacity, fill)
    _order_links(size, capacity, fill)
    level, key, heap, member = fill.level, fill.key, fill.heap, fill.member
    reached = 0.0
    while size > 0:
        row = fill.shared[heap[0]]
        open_demand, least = _visit(row, level, member, fill.member_demand)
        done = open_demand == 0.0
        if not done:
            # Rounding may leave a link a hair below the level already reached, never truly below it.
            now = max(reached, (capacity[row.link] - row.frozen) / open_demand)
            if now <= key[0] and least > now:
                reached, done = now, True
                for i in range(row.first, row.end):
                    level[member[i]] = now
                    fill.bottleneck[member[i]] = row.link
            elif now <= key[0]:
                _freeze_limited(row, now, level, member)
            key[0] = now
        if done:
            size -= 1
            key[0], heap[0] = key[size], heap[size]
        sift_down(key, heap, size, 0)
    for f in active:
        level[f] = abs(level[f])
