"""The checks that read every hop of every path."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel

UNKNOWN_LINK, REPEATED_LINK, DEAD_LINK, UNBOUNDED, CAPPED_AT_ZERO = range(5)


_LONGEST_COMPARED = 32


@kernel
def paths_are_sound(indptr, links, capacity):
    """Whether all paths are plainly good: none empty or long, links that exist, each once, all capacities usable.

    Where this is not so, `path_faults` tells. This one reads paths in order, and so takes a tenth of its time.
    """
    for width in capacity:
        if not 0.0 < width < np.inf:
            return False
    n_links = len(capacity)
    for f in range(len(indptr) - 1):
        begin, end = indptr[f], indptr[f + 1]
        if not 0 < end - begin <= _LONGEST_COMPARED:
            return False
        for k in range(begin, end):
            if not 0 <= links[k] < n_links:
                return False
            for other in range(begin, k):
                if links[other] == links[k]:
                    return False
    return True


@kernel
def path_faults(indptr, links, capacity, caps, needs_rate):
    """Faults of paths, as (flow, kind, link), each int32; link is -1 where none is meant.

    indptr int64[n + 1], links int32[nnz], capacity float64[m]; caps float64[n] or [0] for none; needs_rate bool[n]
    marks flows that must have a rate above 0, [0] for none of them.
    """
    n_links = len(capacity)
    last_flow = np.full(n_links, -1, np.int32)
    faults = [(np.int32(0), np.int32(0), np.int32(0)) for _ in range(0)]
    for f in range(len(indptr) - 1):
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if link < 0 or link >= n_links:
                faults.append((np.int32(f), np.int32(UNKNOWN_LINK), link))
                continue
            if last_flow[link] == f:
                faults.append((np.int32(f), np.int32(REPEATED_LINK), link))
            last_flow[link] = f
            if not 0.0 < capacity[link] < np.inf:
                faults.append((np.int32(f), np.int32(DEAD_LINK), link))
        cap = caps[f] if len(caps) else np.inf
        needed = len(needs_rate) == 0 or needs_rate[f]
        if needed and cap == np.inf and indptr[f] == indptr[f + 1]:
            faults.append((np.int32(f), np.int32(UNBOUNDED), np.int32(-1)))
        if len(needs_rate) and needed and cap == 0.0:
            faults.append((np.int32(f), np.int32(CAPPED_AT_ZERO), np.int32(-1)))
    return faults


@kernel
def flows_never_released(waits, next_indptr, next_flows):
    """Flows (int32) that a topological order never reaches: those on a dependency cycle or behind one.

    waits int32[n] flows each one waits for; CSR next_indptr int64[n + 1], next_flows int32: flows waiting for it.
    """
    left = waits.copy()
    ready = np.empty(len(waits), np.int32)
    n_ready = 0
    for f in range(len(waits)):
        if left[f] == 0:
            ready[n_ready] = f
            n_ready += 1
    done = 0
    while done < n_ready:
        f = ready[done]
        done += 1
        for k in range(next_indptr[f], next_indptr[f + 1]):
            left[next_flows[k]] -= 1
            if left[next_flows[k]] == 0:
                ready[n_ready] = next_flows[k]
                n_ready += 1
    return np.flatnonzero(left > 0).astype(np.int32)
