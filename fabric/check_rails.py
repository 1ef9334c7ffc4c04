"""Adapters cabled to a leaf that serves another rail."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind

_RAIL_MAJORITY = 0.75
"""Share of a leaf's adapters that make it a leaf of their rail; a leaf that serves several rails has no such share."""

Ints = npt.NDArray[np.int64]


def strays(fabric: Fabric) -> Iterator[tuple[int, str]]:
    """The link up of each such adapter and what is wrong with it, where servers with all their adapters show what the
    rails are."""
    link = _server_ports(fabric)
    rail, leaf = _place_in_server(fabric, link), fabric.link_target[link]
    link, rail, leaf = link[rail >= 0], rail[rail >= 0], leaf[rail >= 0]
    if not len(link):
        return
    leaves, row = np.unique(leaf, return_inverse=True)
    votes = np.zeros((len(leaves), int(rail.max()) + 1), dtype=np.int64)
    np.add.at(votes, (row, rail), 1)
    own, share = votes.argmax(axis=1), votes.max(axis=1) / votes.sum(axis=1)
    for stray in np.flatnonzero((rail != own[row]) & (share[row] >= _RAIL_MAJORITY)).tolist():
        leaf_rail = f"{share[row[stray]]:.0%} of this leaf's are adapter {own[row[stray]] + 1} of theirs"
        yield int(link[stray]), f"adapter {rail[stray] + 1} of its server; {leaf_rail}"


def _server_ports(fabric: Fabric) -> Ints:
    """The links from adapters of known servers up to their switches, without adapters that stand idle beside those
    that the server's ranks use."""
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    server = fabric.column("server")
    known = (fabric.node_kind == NodeKind.NIC) & (server >= 0)
    used = known & (_order_of_use(fabric) >= 0)
    counted = used | (known & ~np.isin(server, server[used]))
    return np.flatnonzero(counted[fabric.link_source] & switch[fabric.link_target])


def _place_in_server(fabric: Fabric, link: Ints) -> Ints:
    """The number, from 0, of each adapter in its server: in the order of the ranks, else of the nodes. -1 in a server
    that has fewer adapters than another, where the numbers may be shifted."""
    nic = fabric.link_source[link]
    server = fabric.column("server")[nic].astype(np.int64)
    order = np.lexsort((nic, _order_of_use(fabric)[nic], server))
    _, row, count = np.unique(server[order], return_inverse=True, return_counts=True)
    number = np.empty(len(nic), dtype=np.int64)
    number[order] = np.where(
        count[row] == count.max(initial=0), np.arange(len(nic)) - (np.cumsum(count) - count)[row], -1
    )
    return number


def _order_of_use(fabric: Fabric) -> Ints:
    """Per node, where it comes when ranks in their order name themselves and the adapters on their buses; -1 for one
    that no rank names."""
    rank = np.full(fabric.nodes, -1, dtype=np.int64)
    rank[fabric.endpoints] = np.arange(fabric.ranks)
    bus = np.flatnonzero((fabric.link_kind == LinkKind.PCIE) & (rank[fabric.link_source] >= 0))
    bus = bus[np.lexsort((fabric.port[bus], rank[fabric.link_source[bus]]))]
    named, first = np.unique(fabric.link_target[bus], return_index=True)
    place = rank.copy()
    place[named] = first
    return place
