"""Checks of allocations, in levels (rate / weight)."""

from __future__ import annotations

from ._kernel import kernel


@kernel
def link_loads(active, levels, paths, load, highest):
    """Load (float64[m]) and highest level (float64[m]) of the links that the flows `active` (int32[k]) cross.

    Other links are not written.
    """
    indptr, links, demand, _ = paths
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            load[links[k]] = 0.0
            highest[links[k]] = 0.0
    for f in active:
        for k in range(indptr[f], indptr[f + 1]):
            load[links[k]] += levels[f] * (demand[k] if len(demand) else 1.0)
            highest[links[k]] = max(highest[links[k]], levels[f])


@kernel
def unfair_flow(active, levels, paths, capacity, load, highest, tolerance):
    """First (flow, link) of `active` to break the bottleneck condition, (-1, -1) if none does.

    The link is the overloaded one, or -1 if instead the flow exceeds its limit or could have more.
    levels float64[n], capacity, load, highest float64[m]; `tolerance` is relative.
    """
    indptr, links, _, limit = paths
    for f in active:
        fair = levels[f] >= limit[f] * (1 - tolerance)
        if not levels[f] <= limit[f] * (1 + tolerance):
            return f, -1
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            if not load[link] <= capacity[link] * (1 + tolerance):
                return f, link
            full = load[link] >= capacity[link] * (1 - tolerance)
            fair = fair or (full and levels[f] >= highest[link] * (1 - tolerance))
        if not fair:
            return f, -1
    return -1, -1
