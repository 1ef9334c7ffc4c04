"""Walks over any graph of switches by next-hop sets: the ports whose far end is one hop nearer to the destination.

Node and link ids are int32, CSR indptr int64 with half-open ranges; switches have compact numbers
(`graph.index[node]`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ._choice_kernels import choose, grown_float64, grown_int32


@njit(cache=True)
def bfs_distances(graph, roots, out):
    """Hops from every switch to each root into `out`, int16[len(roots), switches]; -1 where there is no way."""
    queue = np.empty(len(graph.indptr) - 1, np.int32)
    for r in range(len(roots)):
        row = out[r]
        row[:] = -1
        row[roots[r]] = 0
        queue[0] = roots[r]
        head, tail = 0, 1
        while head < tail:
            here = queue[head]
            head += 1
            for k in range(graph.indptr[here], graph.indptr[here + 1]):
                there = graph.index[graph.link_target[graph.links[k]]]
                if row[there] < 0:
                    row[there] = row[here] + 1
                    queue[tail] = there
                    tail += 1


@njit(cache=True)
def next_hops(graph, row, here, out):
    """Number of equal-cost links of switch `here` down the distances `row`; their ids, by port, into `out`."""
    count = 0
    for k in range(graph.indptr[here], graph.indptr[here + 1]):
        if row[graph.index[graph.link_target[graph.links[k]]]] == row[here] - 1:
            out[count] = graph.links[k]
            count += 1
    return count


@njit(cache=True)
def graph_paths(rule, pairs, ports, graph, ordinal, row_of, distance):
    """CSR (indptr, links) of the switch-to-switch part of one path per pair; `reached` bool[n].

    `ordinal[port]` is the digit of the DESTINATION rule; `row_of[switch]` the switch's row in `distance`.
    """
    n = len(pairs.src)
    reached = np.empty(n, np.bool_)
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        here, goal = graph.index[ports.switch[pairs.port_src[i]]], graph.index[ports.switch[pairs.port_dst[i]]]
        hops = distance[row_of[goal], here]
        reached[i] = hops >= 0
        indptr[i + 1] = indptr[i] + max(hops, 0)
    links = np.empty(indptr[n], np.int32)
    candidates = np.empty(len(graph.links) + 1, np.int32)
    for i in range(n):
        here, goal = graph.index[ports.switch[pairs.port_src[i]]], graph.index[ports.switch[pairs.port_dst[i]]]
        row = distance[row_of[goal]]
        digit = ordinal[pairs.port_dst[i]]
        for at in range(indptr[i], indptr[i + 1]):
            count = next_hops(graph, row, here, candidates)
            k = choose(rule, here, pairs.src[i], pairs.dst[i], pairs.entropy[i], digit, count)
            links[at] = candidates[k]
            here = graph.index[graph.link_target[candidates[k]]]
    return indptr, links, reached


@njit(cache=True)
def graph_spread(starts, ends, share_in, graph, row_of, distance):
    """Fractional equal-cost split between compact switch numbers `starts[i]` and `ends[i]`, `share_in[i]` entering.

    Returns CSR (indptr, links, shares) and reached bool[n]; nodes that several paths reach are merged.
    """
    n, switches = len(starts), len(graph.indptr) - 1
    indptr = np.zeros(n + 1, np.int64)
    reached = np.zeros(n, np.bool_)
    links, shares = np.empty(16 * n + 1024, np.int32), np.empty(16 * n + 1024, np.float64)
    candidates = np.empty(len(graph.links) + 1, np.int32)
    slot = np.full(switches, -1, np.int32)
    frontier, following = np.empty(switches + 1, np.int32), np.empty(switches + 1, np.int32)
    amount, gathered = np.empty(switches + 1, np.float64), np.empty(switches + 1, np.float64)
    used = 0
    for i in range(n):
        row = distance[row_of[ends[i]]]
        frontier[0], amount[0], size = starts[i], share_in[i], 1
        hops = row[starts[i]]
        reached[i] = hops >= 0
        for _ in range(hops):
            new = 0
            for f in range(size):
                count = next_hops(graph, row, frontier[f], candidates)
                if used + count > len(links):
                    links, shares = grown_int32(links, used, count), grown_float64(shares, used, count)
                part = amount[f] / count
                for k in range(count):
                    links[used], shares[used] = candidates[k], part
                    used += 1
                    node = graph.index[graph.link_target[candidates[k]]]
                    if slot[node] < 0:
                        slot[node] = new
                        following[new], gathered[new] = node, 0.0
                        new += 1
                    gathered[slot[node]] += part
            for f in range(new):
                slot[following[f]] = -1
            frontier, following = following, frontier
            amount, gathered = gathered, amount
            size = new
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
