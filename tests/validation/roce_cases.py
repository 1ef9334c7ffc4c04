"""Traffic that csg-htsim was not asked about: other sizes, starts, incasts, trees and rates, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from fabricsim.fabric.routing import router_for
from fabricsim.sims.patterns import permutation
from fabricsim.topologies import load

LEAST_BYTES, MOST_BYTES = 64_000, 8_000_000


class Case(NamedTuple):
    """`draw(rng, hosts)` gives the flows as (src, dst, bytes, start_s)."""

    kind: str
    name: str
    fabric: tuple[str, dict]
    draw: Callable


def drawn(case, seed):
    """(fabric, flows, forth, back): data and acknowledgements on paths of their own."""
    family, fields = case.fabric
    fabric, rng = load(family, hop_latency="1us", **fields), np.random.default_rng(seed)
    src, dst, size, start_s = case.draw(rng, len(fabric.endpoints))
    router = router_for(fabric, "ecmp", seed)
    ways = [router.paths(*ends, rng.integers(0, 2**32, len(src), dtype=np.uint64)) for ends in ((src, dst), (dst, src))]
    flows = {"src": src, "dst": dst, "bytes": size, "start_s": start_s}
    return fabric, flows, *((way.indptr, way.links) for way in ways)


def _tree(k, link="100Gbps"):
    return "fat_tree", {"k": k, "link": link}


_OVERSUBSCRIBED = "clos", {"radix": 24, "hosts": 96, "tiers": 2, "oversubscription": 2, "link": "100Gbps"}


def _sizes(rng, count, size):
    """All `size` bytes, or, for None, log-uniform."""
    if size is not None:
        return np.full(count, size)
    return np.exp(rng.uniform(np.log(LEAST_BYTES), np.log(MOST_BYTES), count)).astype(np.int64)


def _permuted(size, span_s=0.0):
    """A permutation whose flows start at random within `span_s`."""

    def draw(rng, hosts):
        src, dst = permutation(hosts, rng)
        return src, dst, _sizes(rng, hosts, size), rng.uniform(0, span_s, hosts)

    return draw


def _shifted(by, size):
    def draw(rng, hosts):
        src = np.arange(hosts)
        return src, (src + by) % hosts, _sizes(rng, hosts, size), np.zeros(hosts)

    return draw


def _random(flows, span_s):
    """Flows of mixed sizes between any two hosts."""

    def draw(rng, hosts):
        src = rng.integers(0, hosts, flows)
        dst = (src + rng.integers(1, hosts, flows)) % hosts
        return src, dst, _sizes(rng, flows, None), rng.uniform(0, span_s, flows)

    return draw


def _incast(senders, size, start_s=0.0, count=1, under=None, span_s=0.0):
    """`count` receivers with `senders` each, which begin within `span_s` from `start_s` on; all others send `under`
    bytes each from the beginning, as a permutation."""

    def draw(rng, hosts):
        order, taken = rng.permutation(hosts), count * (senders + 1)
        groups = order[:taken].reshape(count, senders + 1)
        src, dst = groups[:, 1:].ravel(), np.repeat(groups[:, 0], senders)
        sizes, starts = _sizes(rng, len(src), size), start_s + rng.uniform(0, span_s, len(src))
        if under is None:
            return src, dst, sizes, starts
        others = order[taken:]
        there, here = permutation(len(others), rng)
        parts = (src, others[there]), (dst, others[here]), (sizes, np.full(len(others), under))
        return *(np.concatenate(part) for part in parts), np.concatenate((starts, np.zeros(len(others))))

    return draw


CASES = (
    Case("equal", "500 kB, k=8", _tree(8), _permuted(500_000)),
    Case("equal", "2 MB, k=8", _tree(8), _permuted(2_000_000)),
    Case("equal", "8 MB, k=8", _tree(8), _permuted(8_000_000)),
    Case("equal", "4 MB, k=4", _tree(4), _permuted(4_000_000)),
    Case("equal", "1 MB, k=16", _tree(16), _permuted(1_000_000)),
    Case("equal", "4 MB, k=8, 400G", _tree(8, "400Gbps"), _permuted(4_000_000)),
    Case("equal", "2 MB shifted by 5, k=8", _tree(8), _shifted(5, 2_000_000)),
    Case("equal", "2 MB, 2:1 leaves", _OVERSUBSCRIBED, _permuted(2_000_000)),
    Case("mixed", "in 500 us, k=8", _tree(8), _permuted(None, 5e-4)),
    Case("mixed", "at once, k=8", _tree(8), _permuted(None)),
    Case("mixed", "in 200 us, k=4", _tree(4), _permuted(None, 2e-4)),
    Case("mixed", "in 100 us, k=8, 400G", _tree(8, "400Gbps"), _permuted(None, 1e-4)),
    Case("mixed", "in 500 us, 2:1 leaves", _OVERSUBSCRIBED, _permuted(None, 5e-4)),
    Case("mixed", "1,000 random in 1 ms, k=16", _tree(16), _random(1000, 1e-3)),
    Case("incast", "8 x 1 MB alone, k=4", _tree(4), _incast(8, 1_000_000)),
    Case("incast", "64 x 256 kB alone, k=8", _tree(8), _incast(64, 256_000)),
    Case("incast", "32 mixed in 100 us alone, k=8", _tree(8), _incast(32, None, span_s=1e-4)),
    Case("incast", "500 random in 2 ms, k=8", _tree(8), _random(500, 2e-3)),
    Case("incast", "8 x 2 MB over 4 MB, k=8", _tree(8), _incast(8, 2_000_000, 1e-4, under=4_000_000)),
    Case("incast", "32 x 500 kB over 4 MB, k=8", _tree(8), _incast(32, 500_000, 5e-5, under=4_000_000)),
    Case("incast", "3 of 16 x 1 MB over 4 MB, k=8", _tree(8), _incast(16, 1_000_000, 1e-4, 3, under=4_000_000)),
    Case("incast", "16 x 1 MB over 2 MB, 2:1 leaves", _OVERSUBSCRIBED, _incast(16, 1_000_000, 1e-4, under=2_000_000)),
    Case("incast", "16 x 4 MB over 8 MB, 400G", _tree(8, "400Gbps"), _incast(16, 4_000_000, 1e-4, under=8_000_000)),
)
