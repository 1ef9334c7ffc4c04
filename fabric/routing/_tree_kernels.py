"""Walks over a tree of switches by arithmetic on intervals of positions.

Node and link ids are int32, CSR indptr int64 with half-open ranges. A switch covers positions [first, first + span).
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel
from ._choice_kernels import SOURCE, choose, grown_float64, grown_int32

MOST_LEVELS = 16


@kernel
def covers(tree, node, position):
    return tree.first[node] <= position < tree.first[node] + tree.span[node]


@kernel
def down_run(tree, node, position):
    """[lo, hi) in `tree.down_links`: the parallel cables of `node` to its child that covers `position`; empty if none.

    Down links are ordered by their child's first position, so this is a binary search.
    """
    begin = tree.down_indptr[node]
    lo, hi = begin, tree.down_indptr[node + 1]
    while lo < hi:
        middle = (lo + hi) // 2
        if tree.first[tree.link_target[tree.down_links[middle]]] <= position:
            lo = middle + 1
        else:
            hi = middle
    stop = lo
    if stop == begin:
        return stop, stop
    child = tree.link_target[tree.down_links[stop - 1]]
    if not covers(tree, child, position):
        return stop, stop
    start = stop - 1
    while start > begin and tree.link_target[tree.down_links[start - 1]] == child:
        start -= 1
    return start, stop


@kernel
def walk(rule, src, dst, entropy, digit, tree, node, goal, position, out):
    """One path from switch `node` to switch `goal` towards `position`: up any port until a switch covers it, then down.

    Writes link ids to `out` as far as it reaches; returns the number of links, -1 if there is no way. The up digit at
    level l is floor(digit / product of up-port counts below l).
    """
    digits = np.zeros(MOST_LEVELS, np.int64)
    hops = 0
    while not covers(tree, node, position):
        lo, hi = tree.up_indptr[node], tree.up_indptr[node + 1]
        if lo == hi:
            return -1
        digits[tree.level[node]] = digit
        link = tree.up_links[lo + choose(rule, node, src, dst, entropy, digit, hi - lo)]
        digit //= hi - lo
        if hops < len(out):
            out[hops] = link
        hops += 1
        node = tree.link_target[link]
    while tree.level[node] > tree.level[goal]:
        lo, hi = down_run(tree, node, position)
        if lo == hi:
            return -1
        child = tree.link_target[tree.down_links[lo]]
        uppers = max((tree.up_indptr[child + 1] - tree.up_indptr[child]) // (hi - lo), 1)
        digit = digits[tree.level[child]] // uppers
        link = tree.down_links[lo + choose(rule, node, src, dst, entropy, digit, hi - lo)]
        if hops < len(out):
            out[hops] = link
        hops += 1
        node = tree.link_target[link]
    return hops if node == goal else -1


@kernel
def tree_paths(rule, pairs, ports, tree):
    """CSR (indptr, links) of the switch-to-switch part of one path per pair; `reached` bool[n].

    The walk is done twice, to count and to write: cheaper than moving links out of a padded table.
    """
    n = len(pairs.src)
    reached = np.empty(n, np.bool_)
    indptr = np.zeros(n + 1, np.int64)
    links = np.empty(0, np.int32)
    for writing in (False, True):
        if writing:
            links = np.empty(indptr[n], np.int32)
        for i in range(n):
            a, b = pairs.port_src[i], pairs.port_dst[i]
            position = tree.first[ports.node[b]]
            digit = np.int64(tree.first[ports.node[a]] if rule.kind == SOURCE else position)
            hops = walk(
                rule, pairs.src[i], pairs.dst[i], pairs.entropy[i], digit, tree, ports.switch[a], ports.switch[b],
                position, links[indptr[i] : indptr[i + 1]],
            )  # fmt: skip
            if not writing:
                reached[i] = hops >= 0
                indptr[i + 1] = indptr[i] + max(hops, 0)
    return indptr, links, reached


@kernel
def tree_spread(starts, goals, positions, share_in, tree):
    """Fractional equal-cost split from switch `starts[i]` to `goals[i]` towards `positions[i]`, `share_in[i]` entering.

    Returns CSR (indptr, links, shares) and reached bool[n]. The frontier moves one hop at a time; nodes that several
    paths reach are merged, so each link appears once per pair.
    """
    n, nodes = len(starts), len(tree.first)
    indptr = np.zeros(n + 1, np.int64)
    reached = np.zeros(n, np.bool_)
    links, shares = np.empty(16 * n + 1024, np.int32), np.empty(16 * n + 1024, np.float64)
    slot = np.full(nodes, -1, np.int32)
    frontier, following = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    amount, gathered = np.empty(nodes, np.float64), np.empty(nodes, np.float64)
    used = 0
    for i in range(n):
        position = positions[i]
        frontier[0], amount[0], size = starts[i], share_in[i], 1
        while size > 0 and frontier[0] != goals[i]:
            new = 0
            for f in range(size):
                side = tree.up_links
                lo, hi = tree.up_indptr[frontier[f]], tree.up_indptr[frontier[f] + 1]
                if covers(tree, frontier[f], position):
                    side = tree.down_links
                    lo, hi = down_run(tree, frontier[f], position)
                if lo == hi:
                    new = 0
                    break
                if used + hi - lo > len(links):
                    links, shares = grown_int32(links, used, hi - lo), grown_float64(shares, used, hi - lo)
                part = amount[f] / (hi - lo)
                for k in range(lo, hi):
                    links[used], shares[used] = side[k], part
                    used += 1
                    node = tree.link_target[side[k]]
                    if slot[node] < 0:
                        slot[node] = new
                        following[new], gathered[new] = node, 0.0
                        new += 1
                    gathered[slot[node]] += part
            for k in range(indptr[i], used):
                slot[tree.link_target[links[k]]] = -1
            frontier, following = following, frontier
            amount, gathered = gathered, amount
            size = new
        reached[i] = size == 1
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
