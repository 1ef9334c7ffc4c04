"""Traffic to one switch over all shortest ways."""

from __future__ import annotations

from ..kernels import kernel


@kernel
def push_to(indptr, neighbour, cables, goal, rate, load, hops, queue):
    """Add to `load` what `rate` entering at each switch makes on its way to `goal`, split evenly over the cables that
    lead nearer; what cannot reach it is left out.

    indptr int64[n+1], neighbour int32[m], cables int64[m]: undirected graph. rate float64[n]: used up. load
    float64[m]. hops, queue int64[n]: workspace.
    """
    hops[:] = -1
    hops[goal], queue[0] = 0, goal
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
    for place in range(tail - 1, 0, -1):
        u = queue[place]
        if rate[u] == 0.0:
            continue
        nearer = 0
        for e in range(indptr[u], indptr[u + 1]):
            if hops[neighbour[e]] == hops[u] - 1:
                nearer += cables[e]
        for e in range(indptr[u], indptr[u + 1]):
            if hops[neighbour[e]] == hops[u] - 1:
                share = rate[u] * cables[e] / nearer
                load[e] += share
                rate[neighbour[e]] += share
