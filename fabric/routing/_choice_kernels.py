"""Choosing between equal-cost ports.

A rule is HASH, a seeded hash per switch of (src, dst, entropy), or DESTINATION, digits of the destination alone, as a
forwarding table has them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

HASH = 0
DESTINATION = 1


@njit(cache=True, inline="always")
def mix(x):
    """splitmix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(cache=True)
def hashed(seed, node, src, dst, entropy):
    """uint64 hash of a flow at a switch: every switch hashes with a seed of its own, so tiers do not polarise."""
    x = mix(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(node + 1))
    x = mix(x ^ (np.uint64(src) * np.uint64(0xD6E8FEB86659FD93)))
    x = mix(x ^ (np.uint64(dst) * np.uint64(0xA0761D6478BD642F)))
    return mix(x ^ np.uint64(entropy))


@njit(cache=True)
def choose(rule, seed, node, src, dst, entropy, digit, count):
    """Index in [0, count) of the port this rule takes at `node`."""
    if count == 1:
        return 0
    if rule == HASH:
        return np.int64(hashed(seed, node, src, dst, entropy) % np.uint64(count))
    return digit % count


@njit(cache=True)
def choose_ports(rule, seed, src, dst, entropy, att_indptr):
    """Attachment of source and destination per pair, int64[n] each; -1 where a rank has none.

    Both ends take the same index, so a pair stays on one rail or plane where each rank has several ports.
    """
    out_src = np.empty(len(src), np.int64)
    out_dst = np.empty(len(src), np.int64)
    for i in range(len(src)):
        s, d = src[i], dst[i]
        n_src = att_indptr[s + 1] - att_indptr[s]
        n_dst = att_indptr[d + 1] - att_indptr[d]
        if n_src == 0 or n_dst == 0:
            out_src[i] = out_dst[i] = -1
            continue
        k = choose(rule, seed, -1, s, d, entropy[i], np.int64(d), n_src)
        out_src[i] = att_indptr[s] + k
        out_dst[i] = att_indptr[d] + k % n_dst
    return out_src, out_dst


@njit(cache=True)
def choose_scale_up(rule, seed, src, dst, entropy, up_indptr):
    """Scale-up link of source and of destination per pair, int64[n] each: the k-th bundles of two ranks of a domain
    end on the same NVSwitch."""
    up = np.empty(len(src), np.int64)
    down = np.empty(len(src), np.int64)
    for i in range(len(src)):
        s, d = src[i], dst[i]
        k = choose(rule, seed, -1, s, d, entropy[i], np.int64(d), up_indptr[s + 1] - up_indptr[s])
        up[i] = up_indptr[s] + k
        down[i] = up_indptr[d] + k
    return up, down


@njit(cache=True)
def grown_int32(values, used, capacity):
    larger = np.empty(capacity, np.int32)
    larger[:used] = values[:used]
    return larger


@njit(cache=True)
def grown_float64(values, used, capacity):
    larger = np.empty(capacity, np.float64)
    larger[:used] = values[:used]
    return larger
