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
def down_run(tree, node, position, offset):
    """[lo, hi) in `tree.down_links`: the parallel cables of `node` to its child that covers `position`; empty if none.

    Down links are ordered by their child's first position, so this is a binary search, if the child is not found at
    `offset`: switches side by side list their children alike.
    """
    begin, end = tree.down_indptr[node], tree.down_indptr[node + 1]
    if begin == end:
        return begin, begin
    place = min(begin + offset, end - 1)
    child = tree.link_target[tree.down_links[place]]
    if not covers(tree, child, position):
        place = max(_last_at(tree, begin, end, position), begin)
        child = tree.link_target[tree.down_links[place]]
        if not covers(tree, child, position):
            return begin, begin
    start, stop = place, place + 1
    while start > begin and tree.link_target[tree.down_links[start - 1]] == child:
        start -= 1
    while stop < end and tree.link_target[tree.down_links[stop]] == child:
        stop += 1
    return start, stop


@kernel
def _last_at(tree, lo, hi, position):
    """The last in [lo, hi) of `tree.down_links` whose child begins at or before `position`; lo - 1 if none."""
    while lo < hi:
        middle = (lo + hi) // 2
        if tree.first[tree.link_target[tree.down_links[middle]]] <= position:
            lo = middle + 1
        else:
            hi = middle
    return lo - 1


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
        lo, hi = down_run(tree, node, position, 0)
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
    slot, seen, step = np.empty(nodes, np.int32), np.full(nodes, -1, np.int64), 0
    frontier, amount = np.empty((2, nodes), np.int32), np.empty((2, nodes), np.float64)
    used = 0
    for i in range(n):
        now, size = 0, 1
        frontier[now, 0], amount[now, 0] = starts[i], share_in[i]
        while size > 0 and frontier[now, 0] != goals[i]:
            new, offset = 0, 0
            for f in range(size):
                here = frontier[now, f]
                rises = not covers(tree, here, positions[i])
                if rises:
                    lo, hi = tree.up_indptr[here], tree.up_indptr[here + 1]
                else:
                    lo, hi = down_run(tree, here, positions[i], offset)
                    offset = lo - tree.down_indptr[here]
                if lo == hi:
                    new = 0
                    break
                if used + hi - lo > len(links):
                    more = hi - lo + used // (2 * i + 2) * (n - i)  # with those to come like those before
                    links, shares = grown_int32(links, used, more), grown_float64(shares, used, more)
                part = amount[now, f] / (hi - lo)
                for k in range(lo, hi):
                    link = tree.up_links[k] if rises else tree.down_links[k]
                    links[used], shares[used] = link, part
                    used += 1
                    node = tree.link_target[link]
                    if seen[node] != step:
                        seen[node], slot[node] = step, new
                        frontier[1 - now, new], amount[1 - now, new] = node, 0.0
                        new += 1
                    amount[1 - now, slot[node]] += part
            step += 1
            now, size = 1 - now, new
        reached[i] = size == 1
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
