"""Transfers that cannot but fare alike where traffic splits evenly over equal-cost paths, found before any path is.

Ranks whose cables lead to the same switches at the same rates are of one *kind*; what two transfers between the same
kinds send takes the same links between switches, in the same shares. Transfers are sorted by kinds, size and start, and
by what else their ends send and receive, until nothing splits: an equitable partition (see `engine.symmetry`), of which
one transfer per class is routed and run, with the bytes of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..fabric.graph import Fabric
from ..fabric.routing.bundles import Bundles
from ..fabric.routing.ports import Ports, network_ports
from .transports import Subflows
from .transports.subflows import Floats, Stands

Ids = npt.NDArray[np.int64]
FEWEST_MEMBERS = 2
"""Mean members per class below which classes are not worth their making."""
MOST_OF_A_RANK = 64
"""Transfers of one rank, or ranks that share cables, beyond which no lists of them are compared."""


@dataclass(frozen=True)
class Ends:
    """The cables of ranks into the switched network. `table[rank, column]` leads up (-1: none), per directed link
    `column` says in which it is, of `up` or down, -1 for other links. `kind` numbers ranks by their switches, rates
    and latencies, `mates` by the cables they share."""

    table: Ids
    column: Ids
    up: npt.NDArray[np.bool_]
    kind: Ids
    mates: Ids

    @staticmethod
    def of(fabric: Fabric) -> Ends | None:
        """None where no rank has a port, ranks forward for others, or they share cables in a way that the columns do
        not tell."""
        ports = network_ports(fabric)
        if not len(ports.link) or (ports.link < 0).any():
            return None
        table, switch = _by_rank(ports, fabric.ranks)
        rank, place = np.nonzero(table >= 0)
        link = table[rank, place]
        column, up = np.full(fabric.links, -1), np.zeros(fabric.links, dtype=bool)
        column[link] = column[link ^ 1] = place
        up[link] = True
        if (column[link] != place).any():
            return None
        looks = [values for links in table.T for values in _looks(fabric, links)]
        nodes = fabric.ranks + fabric.links
        shared = coo_array((np.ones(len(link), np.int8), (rank, fabric.ranks + link)), (nodes, nodes))
        mates = connected_components(shared, directed=False)[1][: fabric.ranks]
        return Ends(table, column, up, numbered(*switch.T, *looks), mates.astype(np.int64))


def _by_rank(ports: Ports, ranks: int) -> tuple[Ids, Ids]:
    """The bus and the port of each way of each rank, [rank, column], and its switch, [rank, way]; a link that serves
    several ways of a rank is in the first of its columns."""
    count = np.diff(ports.indptr)
    ways = int(count.max(initial=0))
    rank = np.repeat(np.arange(ranks), count)
    way = np.arange(len(rank)) - ports.indptr[rank]
    table, switch = np.full((ranks, 2 * ways), -1), np.full((ranks, ways), -1)
    table[rank, way], table[rank, ways + way], switch[rank, way] = ports.bus_link, ports.link, ports.switch
    for column in range(1, 2 * ways):
        table[(table[:, :column] == table[:, [column]]).any(axis=1), column] = -1
    return table, switch


def _looks(fabric: Fabric, links: Ids) -> list[npt.NDArray[np.float64]]:
    """Capacity and latency of cables, both ways; -1 where there is none."""
    columns = (fabric.capacity_bps, fabric.latency_ns.astype(np.float64))
    return [np.where(links >= 0, values[way], -1.0) for way in (links, links ^ 1) for values in columns]


def numbered(*columns: npt.NDArray[Any]) -> Ids:
    """Equal rows have equal numbers, by first appearance."""
    number = np.zeros(len(columns[0]), dtype=np.int64)
    for values in columns:
        if (values != values[:1]).any():
            found = np.unique(values, return_inverse=True)[1]
            number = np.unique(number * (found.max() + 1) + found, return_inverse=True)[1]
    first = np.unique(number, return_index=True)[1]
    return np.argsort(np.argsort(first))[number]


@dataclass(frozen=True)
class AlikeTransfers:
    """The class of each transfer and the first of each class; classes are numbered by these. The class of each rank
    that sends and that receives over the network, -1 for others."""

    ends: Ends
    number: Ids
    first: Ids
    sender: Ids
    receiver: Ids

    def stands(
        self, flows: Subflows, src: npt.NDArray[np.int32], dst: npt.NDArray[np.int32], bundles: Bundles | None
    ) -> Stands:
        """What `flows`, the first of each class from `src` to `dst`, stand for. Each class of ranks has its first
        member's cables, with the part of the transfers that one member carries; each bundle its first link."""
        table, column = self.ends.table, self.ends.column[flows.links]
        links, shares = flows.links.astype(np.int64), flows.shares.copy()
        like: list[tuple[Ids, Ids]] = []
        if bundles is not None:
            shares /= bundles.links[flows.links]
            members = np.flatnonzero(bundles.links > 1)
            like.append((members, bundles.first[members].astype(np.int64)))
        for kinds, ends, up in ((self.sender, src, True), (self.receiver, dst, False)):
            first, cables = self._cables(kinds)
            own = (column >= 0) & (self.ends.up[flows.links] == up)
            kind, place = kinds[ends[flows.transfer[flows.owner[own]]]], column[own]
            links[own] = table[first[kind], place] ^ (not up)
            shares[own] /= cables[kind, place]
            rank, place = np.nonzero((table >= 0) & (kinds >= 0)[:, None])
            like.append((table[rank, place] ^ (not up), table[first[kinds[rank]], place] ^ (not up)))
        members, firsts = (np.concatenate(each) for each in zip(*like, strict=True))
        count = np.bincount(self.number)[flows.transfer]
        return Stands(count.astype(np.float64), links.astype(np.int32), shares, members, firsts)

    def _cables(self, kinds: Ids) -> tuple[Ids, Ids]:
        """Per class of ranks its first member, first by mates, so that classes that share cables share their firsts';
        and how many cables its members have in each column."""
        ranks = np.flatnonzero(kinds >= 0)
        ranks = ranks[np.lexsort((ranks, self.ends.mates[ranks], kinds[ranks]))]
        first = ranks[np.unique(kinds[ranks], return_index=True)[1]]
        cables = np.zeros((len(first), self.ends.table.shape[1]), dtype=np.int64)
        for place, links in enumerate(self.ends.table.T):
            own = ranks[links[ranks] >= 0]
            pairs = np.unique(kinds[own] << 32 | links[own])
            cables[:, place] = np.bincount(pairs >> 32, minlength=len(first))
        return first, cables


def each_alone(ends: Ends, transfers: int) -> AlikeTransfers:
    """Every transfer, and every rank, in a class of its own."""
    number, ranks = np.arange(transfers), np.arange(len(ends.kind))
    return AlikeTransfers(ends, number, number, ranks, ranks)


def alike_transfers(
    ends: Ends,
    src: npt.NDArray[np.int32],
    dst: npt.NDArray[np.int32],
    size_bytes: Floats,
    start_s: Floats,
    crossing: npt.NDArray[np.bool_],
) -> AlikeTransfers | None:
    """The classes of transfers; those that are not `crossing` the network are each a class of their own. None where
    classes are hardly fewer than transfers, or a rank has too many of them to compare."""
    alone = np.where(crossing, -1, np.arange(len(src)))
    number = numbered(alone, ends.kind[src], ends.kind[dst], size_bytes, start_s)
    while (number.max(initial=0) + 1) * FEWEST_MEMBERS <= len(number):
        sender, receiver = (_rank_classes(ends, side[crossing], number[crossing]) for side in (src, dst))
        if sender is None or receiver is None:
            return None
        split = numbered(number, np.where(crossing, sender[src], -1), np.where(crossing, receiver[dst], -1))
        if split.max() == number.max():
            return AlikeTransfers(ends, number, np.unique(number, return_index=True)[1], sender, receiver)
        number = split
    return None


def _rank_classes(ends: Ends, rank: npt.NDArray[np.int32], colour: Ids) -> Ids | None:
    """Ranks by their kind, the colours of their transfers, and the same of their mates; -1 for those without any."""
    kinds = np.full(len(ends.kind), -1)
    busy, place = np.unique(rank, return_inverse=True)
    own = _lists(place, colour)
    if own is None:
        return None
    own = numbered(ends.kind[busy], own)
    mates = np.unique(ends.mates[busy], return_inverse=True)[1]
    beside = _lists(mates, own)
    if beside is None:
        return None
    kinds[busy] = numbered(own, beside[mates])
    return kinds


def _lists(owner: Ids, colour: Ids) -> Ids | None:
    """Owners 0, 1, ... numbered by the colours they have, in any order; None where one has too many."""
    count = np.bincount(owner)
    if count.max(initial=0) > MOST_OF_A_RANK:
        return None
    order = np.lexsort((colour, owner))
    held = np.full((len(count), int(count.max(initial=1))), -1)
    held[owner[order], np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)] = colour[order]
    return numbered(*held.T)
