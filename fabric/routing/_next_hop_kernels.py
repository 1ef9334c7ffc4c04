"""Walks over any graph of switches by next-hop sets: the ports whose far end is one hop nearer to the destination.

Node and link ids are int32, CSR indptr int64 with half-open ranges; switches are numbered compactly (`index[node]`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ._choice_kernels import choose, grown_float64, grown_int32


@njit(cache=True)
def bfs_distances(indptr, links, link_target, index, roots, out):
    """Hops from every switch to each root, int16[len(roots), switches] into `out`; -1 where there is no way.

    `indptr, links` is the switch-to-switch CSR by compact switch number; `index[node]` is that number.
    """
    queue = np.empty(len(indptr) - 1, np.int32)
    for r in range(len(roots)):
        row = out[r]
        row[:] = -1
        row[roots[r]] = 0
        queue[0] = roots[r]
        head, tail = 0, 1
        while head < tail:
            here = queue[head]
            head += 1
            for k in range(indptr[here], indptr[here + 1]):
                there = index[link_target[links[k]]]
                if row[there] < 0:
                    row[there] = row[here] + 1
                    queue[tail] = there
                    tail += 1


@njit(cache=True)
def graph_paths(
    rule, seed, src, dst, entropy, att_src, att_dst, ordinal, bus_links, port_links, switches, link_target, indptr_sw, links_sw, index, row_of, distance
):  # fmt: skip
    """As `tree_paths`, over next-hop sets: at each switch, the ports whose far end is one hop nearer to the
    destination's switch. `ordinal[attachment]` numbers the ports for the DESTINATION rule; `row_of[switch]` is its row in `distance`."""
    n = len(src)
    lengths = np.zeros(n, np.int64)
    for i in range(n):
        if att_src[i] < 0:
            lengths[i] = -1
            continue
        hops = distance[row_of[index[switches[att_dst[i]]]], index[switches[att_src[i]]]]
        extra = 2 + (bus_links[att_src[i]] >= 0) + (bus_links[att_dst[i]] >= 0)
        lengths[i] = hops + extra if hops >= 0 else -1
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        indptr[i + 1] = indptr[i] + max(lengths[i], 0)
    links = np.empty(indptr[n], np.int32)
    for i in range(n):
        if lengths[i] < 0:
            continue
        at = indptr[i]
        a, b = att_src[i], att_dst[i]
        if bus_links[a] >= 0:
            links[at] = bus_links[a]
            at += 1
        links[at] = port_links[a]
        at += 1
        row = distance[row_of[index[switches[b]]]]
        node = index[switches[a]]
        while row[node] > 0:
            count = 0
            for k in range(indptr_sw[node], indptr_sw[node + 1]):
                count += row[index[link_target[links_sw[k]]]] == row[node] - 1
            left = choose(rule, seed, node, src[i], dst[i], entropy[i], ordinal[b], count)
            for k in range(indptr_sw[node], indptr_sw[node + 1]):
                if row[index[link_target[links_sw[k]]]] == row[node] - 1:
                    if left == 0:
                        links[at] = links_sw[k]
                        break
                    left -= 1
            node = index[link_target[links[at]]]
            at += 1
        links[at] = port_links[b] ^ 1
        if bus_links[b] >= 0:
            links[at + 1] = bus_links[b] ^ 1
    return indptr, links, lengths


@njit(cache=True)
def graph_spread(starts, ends, share_in, link_target, indptr_sw, links_sw, index, row_of, distance):
    """As `tree_spread`, over next-hop sets, between compact switch numbers `starts[i]` and `ends[i]`."""
    n = len(starts)
    switches = len(indptr_sw) - 1
    indptr = np.zeros(n + 1, np.int64)
    reached = np.zeros(n, np.bool_)
    capacity = max(16 * n, 1024)
    links = np.empty(capacity, np.int32)
    shares = np.empty(capacity, np.float64)
    slot = np.full(switches, -1, np.int32)
    frontier = np.empty(switches, np.int32)
    amount = np.empty(switches, np.float64)
    following = np.empty(switches, np.int32)
    gathered = np.empty(switches, np.float64)
    used = 0
    for i in range(n):
        row = distance[row_of[ends[i]]]
        frontier[0], amount[0], size = starts[i], share_in[i], 1
        hops = row[starts[i]]
        for _ in range(max(hops, 0)):
            new = 0
            for f in range(size):
                here = frontier[f]
                lo, hi = indptr_sw[here], indptr_sw[here + 1]
                count = 0
                for k in range(lo, hi):
                    count += row[index[link_target[links_sw[k]]]] == row[here] - 1
                if used + count > capacity:
                    capacity = 2 * (used + count)
                    links = grown_int32(links, used, capacity)
                    shares = grown_float64(shares, used, capacity)
                part = amount[f] / count
                for k in range(lo, hi):
                    node = index[link_target[links_sw[k]]]
                    if row[node] != row[here] - 1:
                        continue
                    links[used], shares[used] = links_sw[k], part
                    used += 1
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
        reached[i] = hops >= 0
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
