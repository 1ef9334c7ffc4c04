"""Which node of one fabric is which of another: by GUID, by name, and by structure where neither tells.

Structure: from the pairs that are known, the pair of unknown neighbours with most known neighbours in common - and most
of them on equal ports - is taken next, which bears wrong cables (percolation graph matching: Yartseva and
Grossglauser, COSN 2013). Ties go to pairs whose surroundings look alike in most rounds of colour refinement (Weisfeiler
and Leman 1968).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind

Ids = npt.NDArray[np.int64]
_ROUNDS = 3
_COMPARED = (*SWITCH_KINDS, NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE)


@dataclass(frozen=True, eq=False)
class Match:
    """`other` int64[nodes]: the node of the other fabric, or -1. The rest counts the pairs."""

    other: Ids
    by_guid: int
    by_name: int
    by_structure: int


def match(first: Fabric, second: Fabric) -> Match:
    """The nodes of `second` that the switches, adapters and hosts of `first` are."""
    pairs = _Pairs(first, second)
    by_guid = pairs.add(_by_value(_guids(first), _guids(second)))
    by_name = pairs.add(_by_value(_names(first), _names(second)))
    by_structure = pairs.add(_by_structure(pairs))
    return Match(pairs.other, by_guid, by_name, by_structure)


class _Pairs:
    """The pairs found so far. Only nodes of the same sort - switches, or ends - make one."""

    def __init__(self, first: Fabric, second: Fabric) -> None:
        self.first, self.second = first, second
        self.other, self.back = np.full(first.nodes, -1), np.full(second.nodes, -1)
        self.sorts = _sorts(first), _sorts(second)

    @property
    def unknown(self) -> bool:
        """Whether both fabrics have nodes left."""
        left = [
            ((known < 0) & (sorts > 0)).any() for known, sorts in zip((self.other, self.back), self.sorts, strict=True)
        ]
        return bool(all(left))

    def fits(self, mine: int, theirs: int) -> bool:
        alike = self.sorts[0][mine] == self.sorts[1][theirs] != 0
        return bool(alike and self.other[mine] < 0 and self.back[theirs] < 0)

    def add(self, pairs: Iterator[tuple[int, int]]) -> int:
        """Take those that fit, one after the other; returns how many."""
        taken = 0
        for mine, theirs in pairs:
            if self.fits(mine, theirs):
                self.other[mine], self.back[theirs] = theirs, mine
                taken += 1
        return taken


def _sorts(fabric: Fabric) -> npt.NDArray[np.int8]:
    """1 for switches, 2 for adapters, hosts and storage, 0 for what is not compared."""
    switch, compared = np.isin(fabric.node_kind, SWITCH_KINDS), np.isin(fabric.node_kind, _COMPARED)
    return np.where(switch, 1, np.where(compared, 2, 0)).astype(np.int8)


def _guids(fabric: Fabric) -> list[int | None]:
    """A switch's own GUID; of an adapter that of its port."""
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    guids = np.where(switch, fabric.column("guid"), fabric.column("port_guid"))
    return [guid or None for guid in guids.tolist()]


def _names(fabric: Fabric) -> list[bytes | None]:
    return list(fabric.node_name.tolist())


def _by_value(first: Sequence[object], second: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Nodes whose value stands once on either side; None says nothing."""
    times = Counter(first), Counter(second)
    place = {value: node for node, value in enumerate(second)}
    for node, value in enumerate(first):
        if value is not None and times[0][value] == times[1][value] == 1:
            yield node, place[value]


# ----------------------------------------------------------------------------------------------------------- structure


def _by_structure(pairs: _Pairs) -> Iterator[tuple[int, int]]:
    if not pairs.unknown:
        return
    mine, theirs = _neighbours(pairs.first), _neighbours(pairs.second)
    colours = _colours(pairs, mine, theirs)
    votes: Counter[tuple[int, int]] = Counter()
    heap: list[tuple[int, int, int, int]] = []

    def vote(known: int) -> None:
        for a, b, equal_ports in _candidates(mine[known], theirs[int(pairs.other[known])]):
            if pairs.fits(a, b):
                votes[a, b] += 1 + equal_ports
                heappush(heap, (-votes[a, b], -_alike(colours, a, b), a, b))

    for known in np.flatnonzero(pairs.other >= 0).tolist():
        vote(known)
    while True:
        if not heap:
            seed = _seed(pairs, colours)
            if seed is None:
                return
            heappush(heap, (0, 0, *seed))
        *_, a, b = heappop(heap)
        if pairs.fits(a, b):
            yield a, b
            vote(a)


class _Way(NamedTuple):
    """Over a cable to a neighbour: the port here and the port there; ports are 0 on the way to an adapter of the same
    server."""

    port: int
    far_port: int
    to: int


Neighbours = dict[int, list[_Way]]
Colours = tuple[list[int], list[int]]


def _neighbours(fabric: Fabric) -> Neighbours:
    found: Neighbours = defaultdict(list)
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    ways = (fabric.link_source[network], fabric.port[network], fabric.port[network ^ 1], fabric.link_target[network])
    for source, *way in zip(*(column.tolist() for column in ways), strict=True):
        found[source].append(_Way(*way))
    servers: dict[int, list[int]] = defaultdict(list)
    server = fabric.column("server")
    for nic in fabric.of_kind(NodeKind.NIC).tolist():
        if server[nic] >= 0:
            servers[int(server[nic])].append(nic)
    for nics in servers.values():
        for nic in nics:
            found[nic] += [_Way(0, 0, other) for other in nics if other != nic]
    return found


def _candidates(mine: list[_Way], theirs: list[_Way]) -> Iterator[tuple[int, int, int]]:
    """Pairs of neighbours, and how many of their cables' two ports are equal."""
    for a in mine:
        for b in theirs:
            if (a.port == 0) == (b.port == 0):
                yield a.to, b.to, (a.port == b.port) + (a.far_port == b.far_port) if a.port else 0


def _colours(pairs: _Pairs, mine: Neighbours, theirs: Neighbours) -> list[Colours]:
    """Colours of both fabrics' nodes after each round of refinement, first without regard to ports, then with; known
    pairs begin with a colour of their own."""
    start = tuple([int(sort) for sort in sorts] for sorts in pairs.sorts)
    for node in np.flatnonzero(pairs.other >= 0).tolist():
        start[0][node] = start[1][int(pairs.other[node])] = 3 + node
    rounds = [(start[0], start[1])]
    for with_ports in (False, True):
        now = rounds[0]
        for _ in range(_ROUNDS):
            number: dict[object, int] = {}
            now = (_refined(now[0], mine, number, with_ports), _refined(now[1], theirs, number, with_ports))
            rounds.append(now)
    return rounds


def _refined(colour: list[int], neighbours: Neighbours, number: dict[object, int], with_ports: bool) -> list[int]:
    """A colour for each colour and those around it, numbered in `number`."""
    refined = []
    for node, own in enumerate(colour):
        ways = neighbours[node]
        around = [(colour[way.to], way.port, way.far_port) if with_ports else colour[way.to] for way in ways]
        refined.append(number.setdefault((own, tuple(sorted(around))), len(number)))
    return refined


def _alike(colours: list[Colours], a: int, b: int) -> int:
    """Rounds in which both have the same colour."""
    return sum(mine[a] == theirs[b] for mine, theirs in colours)


def _seed(pairs: _Pairs, colours: list[Colours]) -> tuple[int, int] | None:
    """The first two nodes of the rarest colour that both fabrics have left, by the finest round that has one."""
    for mine, theirs in reversed(colours):
        left = _left(mine, pairs.other, pairs.sorts[0]), _left(theirs, pairs.back, pairs.sorts[1])
        shared = [colour for colour in left[0] if colour in left[1]]
        if shared:
            rarest = min(shared, key=lambda colour: (len(left[0][colour]) + len(left[1][colour]), left[0][colour][0]))
            return left[0][rarest][0], left[1][rarest][0]
    return None


def _left(colour: list[int], taken: Ids, sorts: npt.NDArray[np.int8]) -> dict[int, list[int]]:
    left: dict[int, list[int]] = defaultdict(list)
    for node in np.flatnonzero((taken < 0) & (sorts > 0)).tolist():
        left[colour[node]].append(node)
    return left
