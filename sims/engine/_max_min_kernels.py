"""Water-filling on flat arrays: the kernel of `max_min_rates` and of the event engine's full solves.

Everything is counted in *levels* (rate / weight). A flow takes `demand * level` of each link on its path, where demand
is share * weight; its limit is cap / weight. A link with a single flow only limits that flow, so it never enters the
heap; the others are *shared*, and numbered anew so that 16 bytes hold all that freezing a flow changes of a link.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._heap_kernels import heapify, sift_down
from ._kernel import inlined, kernel

CAPPED = -1
"""Bottleneck of a flow that its own cap limits."""

BUCKETS, NONE = 4096, -1

SHARED = np.dtype([("room", "f8"), ("open", "i4"), ("link", "i4")], align=True)
"""A shared link: capacity that frozen flows have left, number of open flows, and its id. Small, to stay in cache."""


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
    first: np.ndarray  # int32[shared links + 1] where the row of each begins
    crossing: np.ndarray  # int32[m] flows on the link; once the shared ones are numbered, -1 - number of such a link
    hop_shared: np.ndarray  # int32[nnz] number of the hop's link, NONE if private
    member: np.ndarray  # int32[nnz] rows of shared links: flow ...
    member_demand: np.ndarray  # float64[nnz] ... and its demand, or float64[0]
    head: np.ndarray  # int32[BUCKETS] buckets: first shared link in each ...
    next: np.ndarray  # int32[shared links] ... and the one after each, or NONE
    key: np.ndarray  # float64[shared links] heap: saturation level ...
    heap: np.ndarray  # int32[shared links] ... and number of the link
    level_bits: np.ndarray  # float64[1] a level ...
    level_bits_int: np.ndarray  # int64[1] ... and its bits, in the same memory


def new_filling(n_flows: int, n_links: int, n_hops: int, unit: bool) -> Filling:
    """Workspace for `n_flows` flows with `n_hops` hops over `n_links` links; `unit`: every demand is 1."""
    level_bits = np.empty(1)
    most_shared = min(n_links, n_hops // 2)
    return Filling(
        np.empty(n_flows),
        np.empty(n_flows, np.int32),
        np.empty(most_shared, SHARED),
        np.zeros(most_shared + 1, np.int32),
        np.zeros(n_links, np.int32),
        np.empty(n_hops, np.int32),
        np.empty(n_hops, np.int32),
        np.empty(0 if unit else n_hops),
        np.empty(BUCKETS, np.int32),
        np.empty(most_shared, np.int32),
        np.empty(most_shared),
        np.empty(most_shared, np.int32),
        level_bits,
        level_bits.view(np.int64),
    )


@inlined
def _number_shared(active, paths, capacity, fill):
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
                row.room, row.open, row.link = capacity[links[k]], 0, links[k]
                fill.first[n_shared] = start
                start += flows
                n_shared += 1
                crossing[links[k]] = -n_shared
    fill.first[n_shared] = start
    return n_shared


@inlined
def _fill_rows(active, paths, capacity, fill):
    """Enter the flows in the rows of their shared links; their private links become limits."""
    indptr, links, demand, limit = paths
    crossing, unit = fill.crossing, len(demand) == 0
    for f in active:
        least, narrowest = limit[f], CAPPED
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if crossing[link] < 0:
                number = -1 - crossing[link]
                row, fill.hop_shared[k] = fill.shared[number], number
                at = fill.first[number] + row.open
                row.open += 1
                fill.member[at] = f
                if not unit:
                    fill.member_demand[at] = demand[k]
                continue
            crossing[link], fill.hop_shared[k] = 0, NONE
            private = capacity[link] if unit else capacity[link] / demand[k]
            if private < least:
                least, narrowest = private, link
        fill.level[f] = -least
        fill.bottleneck[f] = narrowest
    for f in active:
        if fill.level[f] == 0.0:
            _freeze_flow(f, 0.0, paths, fill)


@inlined
def _open_demand(number, fill):
    """Demand of the open flows of a shared link, summed afresh: what subtracting leaves of it may be all rounding."""
    if len(fill.member_demand) == 0:
        return float(fill.shared[number].open)
    demand = 0.0
    for i in range(fill.first[number], fill.first[number + 1]):
        if fill.level[fill.member[i]] < 0.0:
            demand += fill.member_demand[i]
    return demand


@inlined
def _freeze(number, now, paths, fill):
    """Freeze the open flows of a shared link with a limit of at most `now` at that; if there are none, all at `now`."""
    limited, link = False, fill.shared[number].link
    for i in range(fill.first[number], fill.first[number + 1]):
        limit = -fill.level[fill.member[i]]
        if 0.0 < limit <= now:
            limited = True
            _freeze_flow(fill.member[i], limit, paths, fill)
    if limited:
        return
    for i in range(fill.first[number], fill.first[number + 1]):
        f = fill.member[i]
        if fill.level[f] < 0.0:
            fill.bottleneck[f] = link
            _freeze_flow(f, now, paths, fill)


@inlined
def _freeze_flow(f, level, paths, fill):
    fill.level[f] = level
    for k in range(paths.indptr[f], paths.indptr[f + 1]):
        number = fill.hop_shared[k]
        if number != NONE:
            row = fill.shared[number]
            row.open -= 1
            row.room -= level if len(paths.demand) == 0 else level * paths.demand[k]


@inlined
def _saturation(number, reached, fill):
    """Level at which the open flows of a shared link fill it.

    Rounding may leave it a hair below the level already `reached`, never truly below it.
    """
    return max(reached, fill.shared[number].room / _open_demand(number, fill))


@inlined
def _enqueue(number, level, earliest, scale, fill):
    """Put a shared link into the bucket of its level: the number that the leading bits of the float make.

    Rounding may leave a level a hair below the `earliest` bucket, which is open; those before it are done.
    """
    fill.level_bits[0] = level
    bucket = min(BUCKETS - 1, max(earliest, (fill.level_bits_int[0] - scale[0]) >> scale[1]))
    fill.next[number] = fill.head[bucket]
    fill.head[bucket] = number
    return bucket


@inlined
def _enqueue_all(n_shared, fill):
    """Put the shared links into buckets by the level at which their flows alone would fill them.

    Returns (bits of the least level, bits that a bucket spans); buckets reach to 64 times the highest such level.
    """
    least, most = np.inf, 0.0
    for number in range(n_shared):
        row = fill.shared[number]
        fill.crossing[row.link] = 0
        fill.key[number] = _saturation(number, 0.0, fill) if row.open > 0 else np.inf
        if row.open > 0:
            least, most = min(least, fill.key[number]), max(most, fill.key[number])
    fill.level_bits[0] = least
    low = fill.level_bits_int[0]
    fill.level_bits[0] = 64.0 * most
    span = 0
    while (fill.level_bits_int[0] - low) >> span >= BUCKETS:
        span += 1
    fill.head[:] = NONE
    for number in range(n_shared):
        if fill.key[number] < np.inf:
            _enqueue(number, fill.key[number], 0, (low, span), fill)
    return low, span


@inlined
def _open_bucket(bucket, reached, scale, fill):
    """Move the links of a bucket into the heap, those whose level has risen beyond it on. Returns the heap's size."""
    size, number = 0, fill.head[bucket]
    while number != NONE:
        following, row = fill.next[number], fill.shared[number]
        if row.open > 0:
            now = _saturation(number, reached, fill)
            if _enqueue(number, now, bucket, scale, fill) == bucket:
                fill.key[size], fill.heap[size] = now, number
                size += 1
        number = following
    heapify(fill.key, fill.heap, size)
    return size


@inlined
def _empty_bucket(bucket, reached, scale, paths, fill):
    """Freeze flows, in order of level, until every link of the bucket is done or has risen beyond it.

    Returns the level reached.
    """
    size = _open_bucket(bucket, reached, scale, fill)
    key, heap = fill.key, fill.heap
    while size > 0:
        number = heap[0]
        row, stays = fill.shared[number], False
        if row.open > 0:
            now = _saturation(number, reached, fill)
            if now <= key[0]:
                _freeze(number, now, paths, fill)
                reached, stays = now, row.open > 0
            else:
                stays = _enqueue(number, now, bucket, scale, fill) == bucket
            key[0] = now
        if not stays:
            size -= 1
            key[0], heap[0] = key[size], heap[size]
        sift_down(key, heap, size, 0)
    return reached


@kernel
def water_fill(active, paths, capacity, fill):
    """Max-min levels and bottlenecks of the flows `active` (int32[k]) on links of `capacity` (float64[m]).

    Links wait in buckets by saturation level as last computed, and in a heap while their bucket is open. Freezing flows
    at the least level never lowers another link's level, so what was computed is a lower bound: the link on top is
    computed anew, and put back if its level has risen.
    """
    n_shared = _number_shared(active, paths, capacity, fill)
    _fill_rows(active, paths, capacity, fill)
    scale = _enqueue_all(n_shared, fill)
    reached = 0.0
    for bucket in range(BUCKETS if n_shared > 0 else 0):
        if fill.head[bucket] != NONE:
            reached = _empty_bucket(bucket, reached, scale, paths, fill)
    for f in active:
        fill.level[f] = abs(fill.level[f])
