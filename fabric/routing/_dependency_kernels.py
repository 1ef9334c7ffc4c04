"""The dependencies that paths make between channels, each kept once.

A table of them is an open hash table: `key` int64[size], -1 where free, size a power of two, and `pair` int64[size],
the first pair that made each. A key is channel * channels + next channel, a channel link * lanes + lane.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel
from ._choice_kernels import mix


@kernel
def place_of(key, wanted):
    """Where `wanted` stands in the table, or the free place where it belongs."""
    mask = np.uint64(len(key) - 1)
    place = mix(np.uint64(wanted)) & mask
    while key[place] >= 0 and key[place] != wanted:
        place = (place + np.uint64(1)) & mask
    return place


@kernel
def doubled(key, pair):
    larger_key, larger_pair = np.full(2 * len(key), -1, np.int64), np.empty(2 * len(key), np.int64)
    for i in range(len(key)):
        if key[i] >= 0:
            place = place_of(larger_key, key[i])
            larger_key[place], larger_pair[place] = key[i], pair[i]
    return larger_key, larger_pair


@kernel
def enter_dependencies(key, pair, used, paths, waits, lanes, first_pair):
    """The table `(key, pair, used)` with the dependencies of `paths` = (indptr, links, lanes), CSR by pair, the first
    one `first_pair`, between links that `waits` (bool per link), with `lanes` lanes each."""
    indptr, links, lane = paths
    channels = np.int64(len(waits)) * lanes
    for i in range(len(indptr) - 1):
        before = np.int64(-1)
        for k in range(indptr[i], indptr[i + 1]):
            channel = np.int64(links[k]) * lanes + lane[k] if waits[links[k]] else np.int64(-1)
            if before >= 0 and channel >= 0:
                if 2 * used >= len(key):
                    key, pair = doubled(key, pair)
                wanted = before * channels + channel
                place = place_of(key, wanted)
                if key[place] < 0:
                    key[place], pair[place] = wanted, first_pair + i
                    used += 1
            before = channel
    return key, pair, used
