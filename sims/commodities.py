"""All-to-all traffic by groups of ranks, where pairs are too many to list.

Ranks are *alike* if their cables lead to the same switches, at the same rates and latencies, and their domains hold
ranks alike in the same numbers. Traffic from one group of them to another, spread over equal-cost paths, shares the
links between switches evenly, and loads the cables of all members equally. So one *commodity* per pair of groups,
inside domains and outside, stands for all its pairs, with one member's cables for those of all: an equitable partition
(see `engine.symmetry`) known before any pair is listed. With n ranks in g groups, g^2 rows instead of n^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.errors import WorkloadError
from ..fabric.graph import Fabric
from ..fabric.routing import scale_up
from ..fabric.routing.ports import direct_links, network_ports

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Per rank its `group` and scale-up `domain`; per group its `first` member, one of another domain than that
    (`other`, -1 for none), and its `sizes`."""

    group: Ids
    domain: Ids
    first: Ids
    other: Ids
    sizes: Ids


@dataclass(frozen=True)
class Commodities:
    """Rows of groups' traffic: a pair of ranks (`src`, `dst`) of each, and how many `pairs` it stands for."""

    src: Ids
    dst: Ids
    pairs: Ids


def can_group(fabric: Fabric) -> bool:
    """Whether ranks have equally many ports, do not forward for others, and are not cabled to each other."""
    ports, up = network_ports(fabric), scale_up(fabric)
    even = all(len(np.unique(np.diff(indptr))) == 1 for indptr in (ports.indptr, up.indptr))
    return even and bool((ports.link >= 0).all()) and not len(direct_links(fabric).links)


def groups_of(fabric: Fabric) -> Groups:
    """The coarsest groups of ranks that are alike. Raises WorkloadError where ranks cannot be grouped."""
    if not can_group(fabric):
        raise WorkloadError("ranks of this fabric cannot be grouped", "use fewer ranks, or --fidelity transport")
    ports, up = network_ports(fabric), scale_up(fabric)
    seen = [ports.switch, *_widths(fabric, ports.link), *_widths(fabric, ports.bus_link)]
    scaled = [up.widths, *_widths(fabric, up.links)]
    rows = [np.asarray(column, dtype=np.float64).reshape(fabric.ranks, -1) for column in (*seen, *scaled)]
    colour = np.unique(np.column_stack(rows), axis=0, return_inverse=True)[1].ravel()
    alone = -1 - np.arange(fabric.ranks)
    domain = np.unique(np.where(up.domain >= 0, up.domain, alone), return_inverse=True)[1].ravel()
    group = _settled(colour, domain)
    _, first, sizes = np.unique(group, return_index=True, return_counts=True)
    elsewhere = np.flatnonzero(domain != domain[first[group]])
    other = np.full(len(first), -1)
    other[group[elsewhere[::-1]]] = elsewhere[::-1]
    return Groups(group, domain, first, other, sizes)


def _widths(fabric: Fabric, links: npt.NDArray[np.int32]) -> list[npt.NDArray[np.float64]]:
    """Capacity and latency of cables, both ways; -1 where there is none."""
    there = links >= 0
    return [
        np.where(there, column[way], -1.0)
        for way in (links, links ^ 1)
        for column in (fabric.capacity_bps, fabric.latency_ns.astype(np.float64))
    ]


def _settled(colour: Ids, domain: Ids) -> Ids:
    """Colours split by the colours in each rank's domain until nothing splits."""
    sizes = np.bincount(domain)
    while True:
        order = np.lexsort((colour, domain))
        held = np.full((len(sizes), sizes.max()), -1)
        held[domain[order], np.arange(len(order)) - (np.cumsum(sizes) - sizes)[domain[order]]] = colour[order]
        kind = np.unique(held, axis=0, return_inverse=True)[1].ravel()
        split = np.unique(np.stack((colour, kind[domain])), axis=1, return_inverse=True)[1].ravel()
        if split.max() == colour.max():
            return split
        colour = split


def all_pairs(groups: Groups) -> Commodities:
    """Every ordered pair of different ranks, as commodities."""
    count = len(groups.first)
    source, target, pairs_inside, mate = _inside(groups)
    inside = np.zeros((count, count), dtype=np.int64)
    inside[source, target] = pairs_inside
    outside = groups.sizes[:, None] * groups.sizes - inside - np.diag(groups.sizes)
    a, b = np.nonzero(outside)
    same = groups.domain[groups.first[a]] == groups.domain[groups.first[b]]
    return Commodities(
        np.concatenate((groups.first[source], groups.first[a])),
        np.concatenate((mate, np.where(same, groups.other[b], groups.first[b]))),
        np.concatenate((pairs_inside, outside[a, b])),
    )


def _inside(groups: Groups) -> tuple[Ids, Ids, Ids, Ids]:
    """(group, group, pairs, a mate of the first's first member) of every pair of groups that meet in a domain."""
    by_domain = np.argsort(groups.domain, kind="stable")
    sizes = np.bincount(groups.domain)
    begins, home = np.cumsum(sizes) - sizes, groups.domain[groups.first]
    source = np.repeat(np.arange(len(home)), sizes[home])
    step = np.arange(len(source)) - np.repeat(np.cumsum(sizes[home]) - sizes[home], sizes[home])
    mate = by_domain[begins[home[source]] + step]
    source, mate = source[mate != groups.first[source]], mate[mate != groups.first[source]]
    met, at, count = np.unique(np.stack((source, groups.group[mate])), axis=1, return_index=True, return_counts=True)
    return met[0], met[1], groups.sizes[met[0]] * count, mate[at]


@dataclass(frozen=True)
class Cables:
    """The links of ranks to their switches. `table[rank, column]` leads up, -1 for none; members of a group have alike
    ones in each column. Per directed link: `column` of its cable, whether it is a rank's (`owned`), whether it leads
    `up`, and how many ranks use it (`users`), as those that share an adapter do."""

    table: Ids
    column: Ids
    owned: npt.NDArray[np.bool_]
    up: npt.NDArray[np.bool_]
    users: Ids

    def of(self, rank: Ids, link: npt.NDArray[np.int32]) -> Ids:
        """The links of these ranks that are to them what `link` is to its own."""
        return self.table[rank, self.column[link]] ^ ~self.up[link]

    def on_all_members(self, groups: Groups, of_first: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Per link, what the like link of its group's first member has."""
        of_link = of_first.copy()
        for mine, first in zip(self.table.T, self.table[groups.first[groups.group]].T, strict=True):
            there = mine >= 0
            of_link[mine[there]] = of_first[first[there]]
            of_link[mine[there] ^ 1] = of_first[first[there] ^ 1]
        return of_link


def cables_of(fabric: Fabric, groups: Groups) -> Cables:
    """The cables of grouped ranks. Raises WorkloadError where ranks that are not alike share one."""
    ports, up = network_ports(fabric), scale_up(fabric)
    columns = [links.reshape(fabric.ranks, -1) for links in (ports.bus_link, ports.link, up.links)]
    table = np.column_stack(columns).astype(np.int64)
    rank, place = np.nonzero(table >= 0)
    link = table[rank, place]
    column = np.full(fabric.links, -1)
    column[link] = column[link ^ 1] = place
    leads_up = np.zeros(fabric.links, dtype=bool)
    leads_up[link] = True
    once = np.unique(rank * fabric.links + link)
    users = np.bincount(once % fabric.links, minlength=fabric.links)
    one_group = np.full(fabric.links, -1)
    one_group[link] = groups.group[rank]
    if (one_group[link] != groups.group[rank]).any():
        raise WorkloadError("ranks that are not alike share a cable", "use fewer ranks, or --fidelity transport")
    return Cables(table, column, column >= 0, leads_up, np.maximum(users, users[np.arange(fabric.links) ^ 1]))
