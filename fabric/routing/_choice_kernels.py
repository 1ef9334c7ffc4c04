"""Choosing between equal-cost ports.

A rule is (kind, seed, alike): HASH is a seeded hash per switch of (src, dst, entropy), WEIGHTED the same over ports of
unequal weight, both with one seed for all switches where they are `alike`; DESTINATION takes digits of the destination
alone, as a forwarding table does, SOURCE those of the source.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel

ENDPOINT = -1
"""In place of a switch: a rank choosing among its own ports."""

HASH = 0
DESTINATION = 1
SOURCE = 2
WEIGHTED = 3


@kernel(inline="always")
def mix(x):
    """splitmix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel
def hashed(rule, node, src, dst, entropy):
    """uint64 hash of a flow at a switch: every switch hashes with a seed of its own, so tiers do not polarise, unless
    all are alike. An endpoint is not one of them."""
    salt = 1 if rule.alike and node != ENDPOINT else node + 1
    x = mix(np.uint64(rule.seed) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(salt))
    x = mix(x ^ (np.uint64(src) * np.uint64(0xD6E8FEB86659FD93)))
    x = mix(x ^ (np.uint64(dst) * np.uint64(0xA0761D6478BD642F)))
    return mix(x ^ np.uint64(entropy))


@kernel
def choose(rule, node, src, dst, entropy, digit, count):
    """Index in [0, count) of the port this rule takes at `node`."""
    if count == 1:
        return np.int64(0)
    if rule.kind in (DESTINATION, SOURCE):
        return np.int64(digit) % np.int64(count)
    return np.int64(hashed(rule, node, src, dst, entropy) % np.uint64(count))


@kernel
def choose_weighted(rule, node, src, dst, entropy, weights, count):
    """Index in [0, count) drawn by the flow's hash in proportion to `weights[:count]`."""
    point = hashed(rule, node, src, dst, entropy) / 2.0**64 * weights[:count].sum()
    for k in range(count - 1):
        point -= weights[k]
        if point < 0:
            return k
    return count - 1


@kernel
def choose_each(rule, src, dst, entropy, counts):
    """`choose` in [0, counts[i]) for every pair, outside of any switch; int64[n]."""
    chosen = np.empty(len(src), np.int64)
    for i in range(len(src)):
        digit = src[i] if rule.kind == SOURCE else dst[i]
        chosen[i] = choose(rule, ENDPOINT, src[i], dst[i], entropy[i], digit, counts[i])
    return chosen


@kernel
def choose_ports(rule, src, dst, entropy, here, there):
    """Port of source and of destination per pair, int64[n] each, among the `ports` many from `first` on that `here`
    and `there` (Choice) offer; -1 where an end has none.

    Both ends take the same index, so a pair stays on one rail or plane where each rank has several ports, and on one
    NVSwitch inside a domain.
    """
    port_src = np.empty(len(src), np.int64)
    port_dst = np.empty(len(src), np.int64)
    for i in range(len(src)):
        if here.ports[i] == 0 or there.ports[i] == 0:
            port_src[i] = port_dst[i] = -1
            continue
        digit = src[i] if rule.kind == SOURCE else dst[i]
        k = choose(rule, ENDPOINT, src[i], dst[i], entropy[i], digit, here.ports[i])
        port_src[i] = here.first[i] + k
        port_dst[i] = there.first[i] + k % there.ports[i]
    return port_src, port_dst


@kernel
def grown_int32(values, used, more):
    larger = np.empty(2 * (used + more), np.int32)
    larger[:used] = values[:used]
    return larger


@kernel
def grown_float64(values, used, more):
    larger = np.empty(2 * (used + more), np.float64)
    larger[:used] = values[:used]
    return larger
