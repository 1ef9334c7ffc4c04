"""Links that carry the same shares of the same flows are one class, and stand in for one another."""

from __future__ import annotations

import numpy as np

from ....fabric.kernels import kernel


@kernel
def by_class(indptr, link_class, links, shares, n_classes):
    """The classes that each flow crosses, from its links: CSR `indptr` int64[n + 1], `classes` int32[...], the share
    of the flow on one link of the class and on all of them, float64[...] each."""
    n = len(indptr) - 1
    seen = np.full(n_classes, -1, np.int64)
    rows, total = np.zeros(n + 1, np.int64), 0
    for flow in range(n):
        for hop in range(indptr[flow], indptr[flow + 1]):
            number = link_class[links[hop]]
            if seen[number] != flow:
                seen[number] = flow
                total += 1
        rows[flow + 1] = total
    classes, each, whole = np.empty(total, np.int32), np.empty(total), np.zeros(total)
    at = np.full(n_classes, -1, np.int64)
    filled = 0
    for flow in range(n):
        for hop in range(indptr[flow], indptr[flow + 1]):
            number = link_class[links[hop]]
            if at[number] < rows[flow]:
                at[number] = filled
                classes[filled], each[filled] = number, shares[hop]
                filled += 1
            whole[at[number]] += shares[hop]
    return rows, classes, each, whole
