"""Can a routing stop for ever? The check by channel dependency graph (Dally, Seitz, "Deadlock-Free Message Routing in
Multiprocessor Interconnection Networks", IEEE Trans. Computers 1987, theorem 1).

A channel is a directed link and a lane. One depends on the next where a path goes from the first to the second: what
waits in the buffer of the first waits for room in the second. Without a cycle of dependencies a lossless network always
moves on; with one it can lock, if its buffers fill at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from ._dependency_kernels import enter_dependencies
from .lanes import MOST_LANES
from .ports import network_ports
from .router import Paths, Router
from .switch_graph import switch_graph

_LANES = MOST_LANES + 1
_MOST_PAIRS = 1 << 22
_AT_ONCE = 1 << 19
_ENTROPIES = 4
_PAIRS_TO_JUDGE = 256
_FIRST_PLACES = 1 << 12


@dataclass(frozen=True)
class Dependency:
    """A path from rank `src` to rank `dst` goes from this link and lane to the next one of the cycle."""

    link: int
    lane: int
    src: int
    dst: int


@dataclass(frozen=True)
class DeadlockCheck:
    """`cycle`: dependencies that close a circle, the shortest through one of its channels; empty if there is none.
    `coverage` says in words which paths were looked at."""

    cycle: tuple[Dependency, ...]
    coverage: str


def check_deadlock(fabric: Fabric, router: Router, seed: int = 0) -> DeadlockCheck:
    """Whether the dependencies of the router's paths close a circle.

    Looked at are the paths of all pairs of ranks; beyond four million pairs, from one rank behind each switch to all;
    and beyond that, as many of those drawn at random. Where entropy counts, each pair is asked for under up to four,
    in all four million times. Raises RoutingError.
    """
    src, dst, coverage = _pairs(fabric, seed)
    entropies = min(_ENTROPIES, max(1, _MOST_PAIRS // max(1, len(src)))) if _hashes(router, src, dst) else 1
    edges = _Edges.none()
    for first in range(0, len(src), _AT_ONCE):
        block = slice(first, first + _AT_ONCE)
        for entropy in range(entropies):
            paths = router.paths(src[block], dst[block], np.full(len(src[block]), entropy))
            edges = edges.joined(fabric, paths, first)
    return DeadlockCheck(tuple(_cycle(fabric, edges.sorted(), src, dst)), coverage)


def _hashes(router: Router, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32]) -> bool:
    """Whether paths follow the entropy, judged by a few pairs."""
    some = slice(None, None, 1 + len(src) // _PAIRS_TO_JUDGE)
    one, other = (router.paths(src[some], dst[some], np.full(len(src[some]), entropy)) for entropy in range(2))
    return not np.array_equal(one.links, other.links)


def _pairs(fabric: Fabric, seed: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], str]:
    """Ranks to route between: senders and receivers that have a way into the network, and the words for the choice."""
    ports = network_ports(fabric)
    rank = np.repeat(np.arange(fabric.ranks, dtype=np.int32), np.diff(ports.indptr))
    receivers, words = np.unique(rank), "all pairs of ranks"
    senders = receivers
    if len(senders) * len(receivers) > _MOST_PAIRS:
        senders = np.unique(rank[np.unique(ports.switch, return_index=True)[1]])
        words = "one rank behind each switch to all ranks"
    count = len(senders) * len(receivers)
    if count <= _MOST_PAIRS:
        chosen = np.arange(count)
    else:
        chosen = np.unique(np.random.default_rng(seed).integers(0, count, _MOST_PAIRS))
        words = f"{len(chosen)} of the {count} pairs from {words}, drawn at random"
    # By destination, so that a batch of pairs has few of them and looks few distances up.
    src, dst = senders[chosen % max(1, len(senders))], receivers[chosen // max(1, len(senders))]
    return src[src != dst], dst[src != dst], words


@dataclass(frozen=True, eq=False)
class _Edges:
    """Distinct dependencies, `key` = channel * channels + next channel, and the first pair that makes each; a channel
    is link * lanes + lane. While they are collected, a hash table of which `used` places are taken."""

    key: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]
    used: int

    @classmethod
    def none(cls) -> _Edges:
        return cls(np.full(_FIRST_PLACES, -1), np.full(_FIRST_PLACES, -1), 0)

    def joined(self, fabric: Fabric, paths: Paths, first_pair: int) -> _Edges:
        """Each hop between switches depends on the next one of its path. No circle goes through an endpoint."""
        waits = np.zeros(fabric.links, dtype=np.bool_)
        waits[switch_graph(fabric).links] = True
        found = (paths.indptr, paths.links, paths.lanes)
        return _Edges(*enter_dependencies(self.key, self.pair, self.used, found, waits, _LANES, first_pair))

    def sorted(self) -> _Edges:
        """Without the free places, by key."""
        taken = np.flatnonzero(self.key >= 0)
        taken = taken[np.argsort(self.key[taken])]
        return _Edges(self.key[taken], self.pair[taken], self.used)


def _channels(fabric: Fabric) -> int:
    return fabric.links * _LANES


def _cycle(
    fabric: Fabric, edges: _Edges, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32]
) -> Iterator[Dependency]:
    """A shortest cycle through some channel of the smallest knot of channels that wait for one another."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    used, ends = np.unique(np.divmod(edges.key, _channels(fabric)), return_inverse=True)
    source, target = ends.reshape(2, -1)
    graph = csr_array((np.arange(1, len(source) + 1), (source, target)), shape=(len(used), len(used)))
    knot = connected_components(graph, connection="strong")[1]
    size = np.bincount(knot)[knot]
    if not (size > 1).any():
        return
    start = int(np.where(size > 1, size, len(used) + 1).argmin())
    order, before = breadth_first_order(graph, start)
    closes = np.zeros(len(used), dtype=np.bool_)
    closes[source[target == start]] = True
    here, there = int(order[closes[order]][0]), start
    steps = []
    while True:
        steps.append(int(graph[here, there]) - 1)
        if here == start:
            break
        here, there = int(before[here]), here
    for edge in reversed(steps):
        link, lane = divmod(int(used[source[edge]]), _LANES)
        pair = edges.pair[edge]
        yield Dependency(link, lane, int(src[pair]), int(dst[pair]))
