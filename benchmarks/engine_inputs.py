"""Inputs of the engine's table: seeded, and as the cases recorded with SimGrid were made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LINK_BPS = 100e9
BITS_PER_BYTE = 8


@dataclass(frozen=True)
class Tree:
    """Fat tree of 3 levels with full bisection: hosts per leaf, leaves per pod, pods.

    A leaf has as many up-ports as hosts, one to each of its pod's aggregation switches; these have as many up-ports as
    there are leaves in the pod. Links: host up, host down, leaf up, leaf down, aggregation up, aggregation down.
    """

    leaf: int
    pod: int
    pods: int

    @property
    def hosts(self) -> int:
        return self.leaf * self.pod * self.pods

    def capacity_bps(self) -> NDArray[np.float64]:
        return np.full(6 * self.hosts, LINK_BPS)

    def d_mod_k(self, src: NDArray, dst: NDArray) -> tuple[NDArray, NDArray]:
        """Paths (CSR) whose up-ports are digits of the destination."""
        return self.paths(src, dst, dst % self.leaf, dst // self.leaf % self.pod)

    def ecmp(self, src: NDArray, dst: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Paths (CSR) whose up-ports are drawn evenly."""
        return self.paths(src, dst, rng.integers(0, self.leaf, len(src)), rng.integers(0, self.pod, len(src)))

    def paths(self, src: NDArray, dst: NDArray, up1: NDArray, up2: NDArray) -> tuple[NDArray, NDArray]:
        """Paths (CSR) over up-port `up1` of the leaf and `up2` of the aggregation switch."""
        n, hosts_of_pod = self.hosts, self.leaf * self.pod
        leaf_up = 2 * n + src // self.leaf * self.leaf + up1
        leaf_down = 3 * n + dst // self.leaf * self.leaf + up1
        agg_up = 4 * n + (src // hosts_of_pod * self.leaf + up1) * self.pod + up2
        agg_down = 5 * n + (dst // hosts_of_pod * self.leaf + up1) * self.pod + up2
        hops = np.stack([src, leaf_up, agg_up, agg_down, leaf_down, n + dst], axis=1)
        same_leaf, same_pod = src // self.leaf == dst // self.leaf, src // hosts_of_pod == dst // hosts_of_pod
        used = np.ones(hops.shape, bool)
        used[same_pod, 2:4] = False
        used[same_leaf, 1:5] = False
        return np.concatenate(([0], np.cumsum(used.sum(axis=1)))), hops[used].astype(np.int32)


TREES = {128: Tree(4, 4, 8), 256: Tree(8, 8, 4), 1024: Tree(8, 8, 16), 65536: Tree(32, 32, 64)}


def random_paths(n_flows: int, n_links: int, hops: int, seed: int) -> tuple[NDArray, NDArray]:
    """Paths (CSR) of distinct random links."""
    rng = np.random.default_rng(seed)
    links = rng.integers(0, n_links, (n_flows, hops), dtype=np.int32)
    while True:
        in_order = np.sort(links, axis=1)
        repeated = (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)
        if not repeated.any():
            return np.arange(n_flows + 1) * hops, links.ravel()
        links[repeated] = rng.integers(0, n_links, (int(repeated.sum()), hops), dtype=np.int32)


def permutation(hosts: int, seed: int) -> tuple[NDArray, NDArray]:
    """Every host sends to another one, and each receives from one."""
    rng = np.random.default_rng(seed)
    dst = rng.permutation(hosts)
    fixed = np.flatnonzero(dst == np.arange(hosts))
    dst[fixed] = dst[np.roll(fixed, 1)] if len(fixed) != 1 else dst[fixed]
    if len(fixed) == 1:
        other = (fixed[0] + 1) % hosts
        dst[[fixed[0], other]] = dst[[other, fixed[0]]]
    return np.arange(hosts), dst


def all_pairs(hosts: int) -> tuple[NDArray, NDArray]:
    """Every ordered pair of different hosts."""
    src, dst = np.divmod(np.arange(hosts * hosts), hosts)
    return src[src != dst], dst[src != dst]


@dataclass(frozen=True)
class Arrivals:
    """Poisson arrivals of lognormal flows between uniform pairs."""

    src: NDArray
    dst: NDArray
    size_bytes: NDArray
    start_s: NDArray


def arrivals(n: int, hosts: int, load: float, seed: int) -> Arrivals:
    """`n` flows (median 1 MB, sigma 2.15, 1 kB to 1 GB) at `load` = bytes / (hosts * bandwidth * duration)."""
    rng = np.random.default_rng(seed)
    src = rng.integers(0, hosts, n)
    dst = (src + rng.integers(1, hosts, n)) % hosts
    size = np.clip(1e6 * np.exp(2.15 * rng.standard_normal(n)), 1e3, 1e9).round()
    duration = size.sum() * BITS_PER_BYTE / (hosts * LINK_BPS * load)
    return Arrivals(src, dst, size, np.sort(rng.uniform(0, duration, n)))
