"""Breadth-first search from one switch, and what shortest ways make of it.

Graphs are undirected: indptr int64[n+1], neighbour int32[m], and `cables` int64[m], how many join each pair.
"""

from __future__ import annotations

from ..kernels import kernel


@kernel
def search(indptr, neighbour, start, hops, queue):
    """Fill `hops` int32[n] with the distance from `start`, -1 where there is no way, and `queue` int32[n] with the
    switches that have one, nearest first; returns their number."""
    hops[:] = -1
    hops[start], queue[0] = 0, start
    head, tail = 0, 1
    while head < tail:
        u = queue[head]
        head += 1
        for v in neighbour[indptr[u] : indptr[u + 1]]:
            if hops[v] < 0:
                hops[v] = hops[u] + 1
                queue[tail] = v
                tail += 1
    return tail


@kernel
def count_ways(indptr, neighbour, cables, source, hops, queue, ways):
    """Fill `ways` float64[n] with the number of shortest ways from `source`, parallel cables told apart."""
    ways[:] = 0.0
    ways[source] = 1.0
    for u in queue[: search(indptr, neighbour, source, hops, queue)]:
        for e in range(indptr[u], indptr[u + 1]):
            if hops[neighbour[e]] == hops[u] + 1:
                ways[neighbour[e]] += ways[u] * cables[e]


@kernel
def push_to(indptr, neighbour, cables, goal, hops, queue, nearer, rate, load):
    """Add to `load` float64[m] what `rate` float64[n], used up, entering at each switch makes on its way to `goal`,
    split evenly over the cables that lead nearer; what cannot reach it is left out.

    nearer int64[n]: workspace.
    """
    for place in range(search(indptr, neighbour, goal, hops, queue) - 1, 0, -1):
        u = queue[place]
        if rate[u] == 0.0:
            continue
        found, together = 0, 0
        for e in range(indptr[u], indptr[u + 1]):
            if hops[neighbour[e]] < hops[u]:
                nearer[found] = e
                found += 1
                together += cables[e]
        for e in nearer[:found]:
            share = rate[u] * cables[e] / together
            load[e] += share
            rate[neighbour[e]] += share
