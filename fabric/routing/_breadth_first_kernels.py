"""Breadth-first search from many goals at once: one bit of a word per goal (Then et al., "The More the Merrier:
Efficient Multi-Source Graph Traversal", VLDB 2014).

Goals near one another reach most switches together, so a link is looked at once for up to 64 of them.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel

AT_ONCE = 64
NONE, ONE, BYTE, EVERY = np.uint64(0), np.uint64(1), np.uint64(255), np.uint64(2**64 - 1)


@kernel
def fill_hops(graph, seeds, group, starts, out):
    """Hops from every switch to the nearest seed of each row, into `out` int16[rows, switches]; -1 where none is.

    Row `r` has the seeds `seeds.switches[seeds.indptr[r]:seeds.indptr[r + 1]]`, all in group `group[r]`: a way may go
    within a group, or into this one. On an ordered graph only ways down count; a switch that has none is left at -1.
    Where row `r` of `starts` lists switches, the search ends with the last of them: all that is nearer is known by
    then, some of the rest is left at -1.
    """
    for first in range(0, len(out), AT_ONCE):
        search(graph, seeds, group, starts, first, out[first : first + AT_ONCE])


@kernel
def search(graph, seeds, group, starts, first, out):
    """Rows `first` and on of the whole, `out` being theirs: bit b stands for row `first + b`."""
    switches = len(graph.indptr) - 1
    arrived, arriving = np.zeros(switches, np.uint64), np.zeros(switches, np.uint64)
    seen, wanted = np.zeros(switches, np.uint64), np.zeros(switches, np.uint64)
    into_group = np.zeros(graph.group.max() + 1, np.uint64)
    queue, following = np.empty(switches, np.int32), np.empty(switches, np.int32)
    waiting = np.zeros(AT_ONCE, np.int64)
    size = 0
    for b in range(len(out)):
        bit, r = ONE << np.uint64(b), first + b
        out[b] = -1
        into_group[group[r]] |= bit
        for s in starts.switches[starts.indptr[r] : starts.indptr[r + 1]]:
            waiting[b] += wanted[s] & bit == NONE
            wanted[s] |= bit
        for s in seeds.switches[seeds.indptr[r] : seeds.indptr[r + 1]]:
            if arrived[s] == NONE:
                queue[size] = s
                size += 1
            arrived[s] |= bit
    hops, going = 0, EVERY
    while size > 0:
        for here in queue[:size]:
            seen[here] |= arrived[here]
            going &= ~settle(arrived[here], wanted[here], hops, here, waiting, out)
        new = 0
        for nearer in queue[:size]:
            bits = arrived[nearer] & going
            arrived[nearer] = NONE
            if bits == NONE:
                continue
            for k in range(graph.indptr[nearer], graph.indptr[nearer + 1]):
                farther = graph.far[k]
                coming = bits & ~seen[farther]
                if graph.group[farther] != graph.group[nearer]:
                    coming &= into_group[graph.group[nearer]]
                if coming == NONE or (graph.ordered and not graph.rising[k]):
                    continue
                if arriving[farther] == NONE:
                    following[new] = farther
                    new += 1
                arriving[farther] |= coming
        arrived, arriving = arriving, arrived
        queue, following = following, queue
        hops, size = hops + 1, new


@kernel
def settle(bits, wanted, hops, here, waiting, out):
    """Enter `hops` of switch `here` in the rows of `bits`; the bits of those that waited for no other switch."""
    last = NONE
    b = 0
    while bits != NONE:
        if bits & BYTE == NONE:
            bits >>= np.uint64(8)
            b += 8
            continue
        if bits & ONE != NONE:
            out[b, here] = hops
            if wanted >> np.uint64(b) & ONE != NONE:
                waiting[b] -= 1
                if waiting[b] == 0:
                    last |= ONE << np.uint64(b)
        bits >>= ONE
        b += 1
    return last
