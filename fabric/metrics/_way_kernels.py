"""How many shortest ways lead from one switch to each other one."""

from __future__ import annotations

from ..kernels import kernel


@kernel
def count_ways(indptr, neighbour, cables, source, hops, ways, queue):
    """Fill `hops` (-1: no way) and `ways`, the number of shortest ways with parallel cables told apart, from `source`.

    indptr int64[n+1], neighbour int32[m], cables int64[m]. hops int64[n], ways float64[n]: results. queue
    int64[n]: workspace.
    """
    hops[:] = -1
    ways[:] = 0.0
    hops[source], ways[source], queue[0] = 0, 1.0, source
    head, tail = 0, 1
    while head < tail:
        u = queue[head]
        head += 1
        for e in range(indptr[u], indptr[u + 1]):
            v = neighbour[e]
            if hops[v] < 0:
                hops[v] = hops[u] + 1
                queue[tail] = v
                tail += 1
            if hops[v] == hops[u] + 1:
                ways[v] += ways[u] * cables[e]
