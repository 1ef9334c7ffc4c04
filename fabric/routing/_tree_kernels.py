"""Walks over a tree of switches by arithmetic on intervals of positions.

Node and link ids are int32, CSR indptr int64 with half-open ranges. A switch covers the positions [first, first + span).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ._choice_kernels import choose, grown_float64, grown_int32


@njit(cache=True)
def covers(first, span, node, position):
    return first[node] <= position < first[node] + span[node]


@njit(cache=True)
def down_run(down_indptr, down_links, link_target, first, span, node, position):
    """[lo, hi) in `down_links`: the parallel cables of `node` to its child that covers `position`; empty if none does.

    Down links are ordered by their child's first position, so this is a binary search.
    """
    lo, hi = down_indptr[node], down_indptr[node + 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if first[link_target[down_links[middle]]] <= position:
            lo = middle + 1
        else:
            hi = middle
    stop = lo
    if stop == down_indptr[node]:
        return stop, stop
    child = link_target[down_links[stop - 1]]
    if not covers(first, span, child, position):
        return stop, stop
    start = stop - 1
    while start > down_indptr[node] and link_target[down_links[start - 1]] == child:
        start -= 1
    return start, stop


@njit(cache=True)
def walk_tree(
    rule, seed, src, dst, entropy, node, port_of_dst, link_target, up_indptr, up_links, down_indptr, down_links, first, span, level, out
):
    """One path from switch `node` to the port `port_of_dst`: up any port until the switch covers it, then down.

    Writes link ids to `out` when it is long enough; returns the number of links, -1 if the walk finds no way.
    The up digit at level l is floor(D / product of up-port counts below l): d-mod-k (Zahavi 2010).
    """
    position = first[port_of_dst]
    digits = np.zeros(16, np.int64)
    digit = np.int64(position)
    hops = 0
    while not covers(first, span, node, position):
        count = up_indptr[node + 1] - up_indptr[node]
        if count == 0:
            return -1
        digits[level[node]] = digit
        link = up_links[up_indptr[node] + choose(rule, seed, node, src, dst, entropy, digit, count)]
        digit //= count
        if hops < len(out):
            out[hops] = link
        hops += 1
        node = link_target[link]
    while level[node] > 0:
        lo, hi = down_run(down_indptr, down_links, link_target, first, span, node, position)
        if lo == hi:
            return -1
        child = link_target[down_links[lo]]
        uppers = max((up_indptr[child + 1] - up_indptr[child]) // (hi - lo), 1)
        digit = digits[level[child]] // uppers
        link = down_links[lo + choose(rule, seed, node, src, dst, entropy, digit, hi - lo)]
        if hops < len(out):
            out[hops] = link
        hops += 1
        node = link_target[link]
    return hops if node == port_of_dst else -1


@njit(cache=True)
def tree_paths(
    rule, seed, src, dst, entropy, att_src, att_dst, bus_links, port_links, ports, switches, link_target, up_indptr, up_links, down_indptr, down_links, first, span, level
):  # fmt: skip
    """CSR (indptr, links) of one path per pair; an unreachable pair has length -1 in the returned int64[n] `lengths`."""
    n = len(src)
    lengths = np.zeros(n, np.int64)
    scratch = np.empty(64, np.int32)
    nothing = np.empty(0, np.int32)
    for i in range(n):
        if att_src[i] < 0:
            lengths[i] = -1
            continue
        hops = walk_tree(
            rule, seed, src[i], dst[i], entropy[i], switches[att_src[i]], ports[att_dst[i]],
            link_target, up_indptr, up_links, down_indptr, down_links, first, span, level, nothing,
        )  # fmt: skip
        extra = 1 + (bus_links[att_src[i]] >= 0) + (bus_links[att_dst[i]] >= 0)
        lengths[i] = hops + extra if hops >= 0 else -1
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        indptr[i + 1] = indptr[i] + max(lengths[i], 0)
    links = np.empty(indptr[n], np.int32)
    for i in range(n):
        if lengths[i] < 0:
            continue
        at = indptr[i]
        if bus_links[att_src[i]] >= 0:
            links[at] = bus_links[att_src[i]]
            at += 1
        links[at] = port_links[att_src[i]]
        hops = walk_tree(
            rule, seed, src[i], dst[i], entropy[i], switches[att_src[i]], ports[att_dst[i]],
            link_target, up_indptr, up_links, down_indptr, down_links, first, span, level, scratch,
        )  # fmt: skip
        links[at + 1 : at + 1 + hops] = scratch[:hops]
        if bus_links[att_dst[i]] >= 0:
            links[indptr[i + 1] - 1] = bus_links[att_dst[i]] ^ 1
    return indptr, links, lengths


@njit(cache=True)
def next_links_tree(node, position, link_target, up_indptr, up_links, down_indptr, down_links, first, span):
    """(descending, lo, hi): the equal-cost next links of `node` towards `position`, in `down_links` or `up_links`."""
    if covers(first, span, node, position):
        lo, hi = down_run(down_indptr, down_links, link_target, first, span, node, position)
        return True, lo, hi
    return False, up_indptr[node], up_indptr[node + 1]


@njit(cache=True)
def tree_spread(starts, goals, link_target, up_indptr, up_links, down_indptr, down_links, first, span, share_in):
    """Fractional equal-cost split from switch `starts[i]` to port node `goals[i]`, `share_in[i]` entering.

    Returns CSR (indptr, links, shares, reached bool[n]). The frontier moves one hop at a time; nodes that several paths reach
    are merged, so each link appears once per pair.
    """
    n = len(starts)
    nodes = len(first)
    indptr = np.zeros(n + 1, np.int64)
    reached = np.zeros(n, np.bool_)
    capacity = max(16 * n, 1024)
    links = np.empty(capacity, np.int32)
    shares = np.empty(capacity, np.float64)
    slot = np.full(nodes, -1, np.int32)
    frontier = np.empty(nodes, np.int32)
    amount = np.empty(nodes, np.float64)
    following = np.empty(nodes, np.int32)
    gathered = np.empty(nodes, np.float64)
    used = 0
    for i in range(n):
        position = first[goals[i]]
        frontier[0], amount[0], size = starts[i], share_in[i], 1
        stuck = False
        while size > 0 and frontier[0] != goals[i]:
            new = 0
            for f in range(size):
                descending, lo, hi = next_links_tree(
                    frontier[f], position, link_target, up_indptr, up_links, down_indptr, down_links, first, span
                )
                if lo == hi:
                    stuck = True
                    break
                if used + hi - lo > capacity:
                    capacity = 2 * (used + hi - lo)
                    links = grown_int32(links, used, capacity)
                    shares = grown_float64(shares, used, capacity)
                part = amount[f] / (hi - lo)
                for k in range(lo, hi):
                    link = down_links[k] if descending else up_links[k]
                    links[used], shares[used] = link, part
                    used += 1
                    node = link_target[link]
                    if slot[node] < 0:
                        slot[node] = new
                        following[new], gathered[new] = node, 0.0
                        new += 1
                    gathered[slot[node]] += part
            for f in range(new):
                slot[following[f]] = -1
            frontier, following = following, frontier
            amount, gathered = gathered, amount
            size = 0 if stuck else new
        reached[i] = not stuck and size == 1
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
