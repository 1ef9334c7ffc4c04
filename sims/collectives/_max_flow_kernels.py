"""Maximum flow on small dense graphs (shortest augmenting paths: Edmonds and Karp, J. ACM 19, 1972)."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel


@kernel
def max_flow(units, source, target):
    """Flow from `source` to `target`; `units` int64[n, n] are capacities, and are left as what remains of them."""
    n = len(units)
    before = np.empty(n, np.int64)
    queue = np.empty(n, np.int64)
    total = 0
    while True:
        before[:] = -1
        before[source] = source
        queue[0] = source
        head, tail = 0, 1
        while head < tail and before[target] < 0:
            node = queue[head]
            head += 1
            for other in range(n):
                if before[other] < 0 and units[node, other] > 0:
                    before[other] = node
                    queue[tail] = other
                    tail += 1
        if before[target] < 0:
            return total
        least = units[before[target], target]
        node = target
        while node != source:
            least = min(least, units[before[node], node])
            node = before[node]
        node = target
        while node != source:
            units[before[node], node] -= least
            units[node, before[node]] += least
            node = before[node]
        total += least


@kernel
def least_flow(units, source, ranks, enough):
    """The least flow from `source` to any of `ranks` (int64[r]), or the first below `enough`."""
    least = np.int64(2**62)
    for rank in ranks:
        least = min(least, max_flow(units.copy(), source, rank))
        if least < enough:
            break
    return least
