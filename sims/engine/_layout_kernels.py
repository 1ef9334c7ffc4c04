"""Passes over all paths, before and after a run."""

from __future__ import annotations

import numpy as np

from ._kernel import kernel


@kernel
def mark_limiting(paths, capacity, flows_of_link, kept):
    """Mark in `kept` (bool[nnz]) the hops over links that may limit their flow.

    A flow's level is at most capacity / demand on each of its links. A link it has for itself (flows_of_link int64[m])
    does no more than that, so only the narrowest such link counts, and only if it is narrower than all the others.
    """
    indptr, links, demand, _ = paths
    for f in range(len(indptr) - 1):
        narrowest, tightest = np.inf, -1
        for k in range(indptr[f], indptr[f + 1]):
            width = capacity[links[k]] / (demand[k] if len(demand) else 1.0)
            kept[k] = flows_of_link[links[k]] > 1
            if width < narrowest or (width == narrowest and kept[k]):
                narrowest, tightest = width, k
        if tightest >= 0:
            kept[tightest] = True


@kernel
def fold_private(paths, capacity, flows_of_link, kept, meter_of_link):
    """Mark in `kept` (bool[nnz]) all hops but those over links that carry what another kept link does.

    Of the links that a flow has for itself (flows_of_link int64[m]) with equal demands, all carry the same, and only
    the narrowest may limit it: meter_of_link (int32[m]) leads to that from the others.
    """
    indptr, links, demand, _ = paths
    for f in range(len(indptr) - 1):
        narrowest, tightest = np.inf, -1
        for k in range(indptr[f], indptr[f + 1]):
            width = capacity[links[k]] / (demand[k] if len(demand) else 1.0)
            if flows_of_link[links[k]] == 1 and (width < narrowest or tightest < 0):
                narrowest, tightest = width, k
        for k in range(indptr[f], indptr[f + 1]):
            alike = k != tightest and (len(demand) == 0 or demand[k] == demand[tightest])
            kept[k] = flows_of_link[links[k]] > 1 or not alike
            if not kept[k]:
                meter_of_link[links[k]] = links[tightest]


@kernel
def number_as_met(links, number, met):
    """Give links (int32[nnz], overwritten) the numbers 0, 1, ... in the order in which they are met.

    Written: the new number of each link (int32[m]), that after the last for those not met, and those met in their new
    order (int32[k]). Returns how many were met.
    """
    count = 0
    number[:] = -1
    for k in range(len(links)):
        if number[links[k]] < 0:
            number[links[k]] = count
            met[count] = links[k]
            count += 1
        links[k] = number[links[k]]
    for link in range(len(number)):
        if number[link] < 0:
            number[link] = count
    return count


@kernel
def add_over_hops(indptr, links, shares, of_row, of_link):
    """Add what each row has (float64[n]), times its share (float64[nnz], or [0] for 1), to its links' (float64[m])."""
    for f in range(len(indptr) - 1):
        for k in range(indptr[f], indptr[f + 1]):
            of_link[links[k]] += of_row[f] * (shares[k] if len(shares) else 1.0)
