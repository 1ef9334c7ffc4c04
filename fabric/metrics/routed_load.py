"""Uniform traffic as a router spreads it. Ranks on the same switches are alike to the routing: one stands for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from ..routing import Router
from ..routing.ports import network_ports
from .switch_graph import owners

_MOST_PAIRS, _MOST_ENTRIES = 200_000, 20_000_000
"""Pairs of switches, and links on their spread paths, that are gone through: some ten seconds."""
_FIRST_CALL, _ENTRIES_PER_CALL = 2048, 5_000_000
"""A router looks at each destination once per call, so that calls are as large as memory bears."""

Numbers = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]


def routed_load(fabric: Fabric, router: Router) -> Rates | None:
    """Load of every directed link in bit/s; None where there are too many pairs of switches to go through."""
    sets = _sets(fabric)
    count = len(sets.size)
    if count**2 > _MOST_PAIRS:
        return None
    here, there = np.divmod(np.arange(count**2), count)
    pairs = np.where(here == there, 0.0, sets.pairs(here, there))
    here, there, pairs = (column[pairs > 0] for column in (here, there, pairs))
    load_bps, entries, start, stop = np.zeros(fabric.links), 0, 0, _FIRST_CALL
    while start < len(pairs):
        some = slice(start, stop)
        spread = router.spread(*sets.members(here[some], there[some]))
        flow_bps = pairs[some] * sets.sent_bps[here[some]] / (fabric.ranks - 1)
        each_bps = np.repeat(flow_bps, np.diff(spread.indptr)) * spread.shares
        load_bps += np.bincount(spread.links, weights=each_bps, minlength=fabric.links)
        entries += len(spread.links)
        if entries * len(pairs) > _MOST_ENTRIES * min(stop, len(pairs)):
            return None
        start, stop = stop, stop + max(1, stop * _ENTRIES_PER_CALL // max(1, entries))
    return load_bps


@dataclass(frozen=True, eq=False)
class _Sets:
    """Ranks on the same switches, per set: `size`; `sent_bps`, what one rank sends in all; `first` and `last`, members
    in its servers of lowest and highest number, `first_in` and `last_in`; `in_server` (sparse), its ranks in each."""

    size: Numbers
    sent_bps: Rates
    first: Numbers
    last: Numbers
    first_in: Numbers
    last_in: Numbers
    in_server: Any

    def pairs(self, source: Numbers, target: Numbers) -> Rates:
        """Ordered pairs of a rank of `source` and one of `target` in another server."""
        together = self.in_server[source].multiply(self.in_server[target]).sum(axis=1)
        return self.size[source] * self.size[target] - np.asarray(together).ravel()

    def members(self, source: Numbers, target: Numbers) -> tuple[Numbers, Numbers]:
        """A rank of each, in different servers if any are."""
        apart = self.first_in[source] != self.last_in[target]
        return (
            np.where(apart, self.first[source], self.last[source]),
            np.where(apart, self.last[target], self.first[target]),
        )


def _sets(fabric: Fabric) -> _Sets:
    from scipy.sparse import coo_array

    ports = network_ports(fabric)
    count = np.diff(ports.indptr)
    rank = np.repeat(np.arange(fabric.ranks), count)
    switches = np.full((fabric.ranks, max(1, int(count.max(initial=0)))), -1, dtype=np.int32)
    switches[rank, np.arange(len(rank)) - ports.indptr[rank]] = ports.switch
    line_bps = np.where(ports.link >= 0, fabric.capacity_bps[ports.link], 0.0)
    sent_bps = np.bincount(rank, weights=line_bps, minlength=fabric.ranks)
    server = np.unique(owners(fabric)[fabric.endpoints], return_inverse=True)[1].ravel()
    able = np.flatnonzero(count)
    able = able[np.argsort(server[able], kind="stable")]
    _, number, size = np.unique(switches[able], axis=0, return_inverse=True, return_counts=True)
    by_set = able[np.argsort(number.ravel(), kind="stable")]
    last = by_set[np.cumsum(size) - 1]
    first = by_set[np.cumsum(size) - size]
    in_server = coo_array((np.ones(len(able)), (number.ravel(), server[able])))
    return _Sets(size, sent_bps[first], first, last, server[first], server[last], in_server.tocsr())
