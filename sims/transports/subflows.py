"""What a transport carries: transfers as subflows on links, and when each was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric
from ...fabric.routing import Paths, Router, Spread
from ..engine import LinkRecord

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Lanes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Subflows:
    """The flows that a batch of transfers becomes.

    Per subflow: `transfer` (index of the transfer it belongs to) and `part` (its fraction of that transfer's bytes).
    CSR `indptr`, `links` gives its directed links, `shares` the fraction of the subflow on each. `back` are the paths
    of its acknowledgements, where these were chosen. `lanes` are those that the routing asks for on each link, and
    `level` is each subflow's service level; None where all are 0.
    """

    transfer: Indices
    part: Floats
    indptr: Indices
    links: npt.NDArray[np.int32]
    shares: Floats
    back: Paths | None = None
    lanes: Lanes | None = None
    level: Lanes | None = None

    def __len__(self) -> int:
        return len(self.transfer)

    @property
    def owner(self) -> Indices:
        """The subflow of each entry of `links`."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @staticmethod
    def along(routes: Paths | Spread, transfer: Indices | None = None, back: Paths | None = None) -> Subflows:
        """One subflow per route; several routes of one transfer carry equal parts of it."""
        count = len(routes.indptr) - 1
        transfer = np.arange(count) if transfer is None else transfer
        part = 1.0 / np.bincount(transfer, minlength=1)[transfer]
        if isinstance(routes, Spread):
            return Subflows(transfer, part, routes.indptr, routes.links, routes.shares, back)
        lanes = routes.lanes if routes.lanes.any() else None
        return Subflows(transfer, part, routes.indptr, routes.links, np.ones(len(routes.links)), back, lanes)

    @staticmethod
    def joined(sets: Sequence[tuple[Indices, Subflows]]) -> Subflows:
        """Several sets as one; beside each set stand the batch's numbers of its transfers."""
        flows = [each for _, each in sets]
        back = None
        if any(each.back is not None for each in flows):
            paths = [each.back or Paths(np.zeros(len(each) + 1, np.int64), np.empty(0, np.int32)) for each in flows]
            back = Paths(_stacked([path.indptr for path in paths]), np.concatenate([path.links for path in paths]))
        return Subflows(
            np.concatenate([numbers[each.transfer] for numbers, each in sets]),
            np.concatenate([each.part for each in flows]),
            _stacked([each.indptr for each in flows]),
            np.concatenate([each.links for each in flows]),
            np.concatenate([each.shares for each in flows]),
            back,
            _joined_lanes(flows),
        )

    def at_levels(self, of_transfer: Lanes) -> Subflows:
        """The same subflows at the service level of their transfers."""
        return replace(self, level=of_transfer[self.transfer])

    def where(self, kept: npt.NDArray[np.bool_]) -> Subflows:
        """The same subflows on the links for which `kept` (bool per link of the fabric) holds."""
        on = kept[self.links]
        indptr = np.concatenate(([0], np.cumsum(on)))[self.indptr]
        lanes = None if self.lanes is None else self.lanes[on]
        return replace(self, indptr=indptr, links=self.links[on], shares=self.shares[on], lanes=lanes)

    def rows(self, kept: npt.NDArray[np.bool_]) -> Subflows:
        """Those subflows for which `kept` (bool per subflow) holds."""
        on, counts = kept[self.owner], np.diff(self.indptr)[kept]
        back = None if self.back is None else _path_rows(self.back, kept)
        lanes = None if self.lanes is None else self.lanes[on]
        level = None if self.level is None else self.level[kept]
        columns = self.transfer[kept], self.part[kept], _rising(counts), self.links[on], self.shares[on]
        return Subflows(*columns, back, lanes, level)


def _joined_lanes(flows: Sequence[Subflows]) -> Lanes | None:
    if all(each.lanes is None for each in flows):
        return None
    none = np.int8(0)
    return np.concatenate([np.full(len(each.links), none) if each.lanes is None else each.lanes for each in flows])


def _path_rows(paths: Paths, kept: npt.NDArray[np.bool_]) -> Paths:
    counts = np.diff(paths.indptr)
    on = np.repeat(kept, counts)
    return Paths(_rising(counts[kept]), paths.links[on], paths.lanes[on])


def _rising(counts: Indices) -> Indices:
    """`[2, 0, 3]` -> `[0, 2, 2, 5]`."""
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _stacked(indptrs: Sequence[Indices]) -> Indices:
    """The row pointers of several CSRs, one below the other."""
    return _rising(np.concatenate([np.diff(indptr) for indptr in indptrs]))


def over_adapters(router: Router, src: Ranks, dst: Ranks, connections: int = 1) -> tuple[Indices, Indices, Indices]:
    """Each transfer over every adapter that both its ranks have, by `connections` connections each, as NCCL's channels
    use them: (transfer, adapter, connection) of every subflow."""
    count = router.adapters(src, dst) * connections
    transfer = np.repeat(np.arange(len(src)), count)
    number = np.arange(len(transfer)) - np.repeat(np.cumsum(count) - count, count)
    adapter, connection = np.divmod(number, connections)
    return transfer, adapter, connection


@dataclass(frozen=True)
class Lines:
    """The links as traffic meets them at some detail: `payload_bps` per directed link, which of them are `limiting`
    (all if None), and whether messages are `timed`, that is whether latencies and windows count. Where links are shared
    fairly, their loads are recorded in bins of `record_s`, if given."""

    fabric: Fabric
    payload_bps: Floats
    limiting: npt.NDArray[np.bool_] | None = None
    timed: bool = True
    record_s: float | None = None


@dataclass(frozen=True)
class Stands:
    """Alike subflows of which only the first of each class is listed: their `count`, and in place of the listed ones'
    links and shares those of all of them together. `members` are links that carry what their `firsts` do."""

    count: Floats
    links: npt.NDArray[np.int32]
    shares: Floats
    members: Indices
    firsts: Indices


@dataclass(frozen=True)
class Batch:
    """Subflows to carry: payload `size_bytes` and `start_s` of each, and how many more each stands for."""

    flows: Subflows
    size_bytes: Floats
    start_s: Floats
    stands: Stands | None = None

    @property
    def together(self) -> Subflows:
        """The subflows with those that they stand for, each class as one."""
        if self.stands is None:
            return self.flows
        return replace(self.flows, links=self.stands.links, shares=self.stands.shares)

    @property
    def count(self) -> Floats:
        """How many subflows each is."""
        return np.ones(len(self.flows)) if self.stands is None else self.stands.count

    def link_bytes(self, links: int) -> Floats:
        """Payload per directed link, `links` in all."""
        flows = self.together
        weights = flows.shares * (self.size_bytes * self.count)[flows.owner]
        carried: Floats = np.bincount(flows.links, weights, links).astype(np.float64)
        if self.stands is not None:
            carried[self.stands.members] = carried[self.stands.firsts]
        return carried

    def rows(self, kept: npt.NDArray[np.bool_]) -> Batch:
        """Those subflows for which `kept` holds."""
        return Batch(self.flows.rows(kept), self.size_bytes[kept], self.start_s[kept])


@dataclass(frozen=True)
class Queues:
    """What congestion left per directed link and lane, entry link * lanes + lane: share of the time between first start
    and last finish in which it was held back by the buffer behind it, and the mean bytes waiting to enter it.
    `lane_of`: of each entry of the batch's links; None where there is one lane."""

    held_share: Floats
    mean_bytes: Floats
    lanes: int = 1
    lane_of: Lanes | None = None


@dataclass(frozen=True)
class Delivery:
    """Per subflow when it was done, and how much of that an empty network takes beyond moving the bytes; `notes`: what
    whoever reads the result should know, in sentences; `record`: the links' loads, where asked for."""

    finish_s: Floats
    latency_s: Floats
    queues: Queues | None = None
    notes: tuple[str, ...] = ()
    record: LinkRecord | None = None
