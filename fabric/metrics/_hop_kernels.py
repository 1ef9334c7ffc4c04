"""Breadth-first search from 64 switches at a time: a word per switch says which of them have reached it."""

from __future__ import annotations

import numpy as np

from ..kernels import kernel


@kernel
def count_hops(indptr, neighbour, sources, target, reached, frontier, coming, pairs):
    """Add to `pairs[d]` the number of (source, target) pairs `d` hops apart, pairs without a way left out; returns how
    many entries of `neighbour` were looked at.

    indptr int64[n+1], neighbour int32[m]: undirected graph. sources int64[s]. target bool[n]. reached, frontier,
    coming uint64[n]: workspace. pairs int64[n+1].
    """
    n, visits = len(reached), 0
    for start in range(0, len(sources), 64):
        reached[:] = 0
        frontier[:] = 0
        for bit in range(min(64, len(sources) - start)):
            source = sources[start + bit]
            frontier[source] |= np.uint64(1) << np.uint64(bit)
            reached[source] = frontier[source]
            if target[source]:
                pairs[0] += 1
        hops = 0
        active = True
        while active:
            active = False
            hops += 1
            coming[:] = 0
            for u in range(n):
                word = frontier[u]
                if word:
                    visits += indptr[u + 1] - indptr[u]
                    for e in range(indptr[u], indptr[u + 1]):
                        coming[neighbour[e]] |= word
            for v in range(n):
                fresh = coming[v] & ~reached[v]
                frontier[v] = fresh
                if fresh:
                    active = True
                    reached[v] |= fresh
                    if target[v]:
                        pairs[hops] += _bits(fresh)
    return visits


@kernel
def _bits(word):
    """Number of bits set, by adding neighbouring fields (Hacker's Delight, section 5-1)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
