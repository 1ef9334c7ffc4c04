"""A network as designed against the network as found: cables missing, extra, swapped, moved, or of another speed.

Cables are told by the ports at their ends; where the two fabrics number ports differently, by the nodes alone. What
lies inside servers, and the reduction units inside switches, are no cables here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from .graph import Fabric, LinkKind, NodeKind
from .matching import Match, match
from .units import format_bandwidth

End = tuple[int, int]
"""Node (of the network found; below -1: of the design, and missing) and port, 0 where ports are not compared."""
Ends = tuple[End, End]


@dataclass(frozen=True)
class Difference:
    """`kind`: missing, extra, swapped, moved, speed, missing-node or extra-node. `design`: the cables (or the node) as
    designed, `found`: as found."""

    kind: str
    design: tuple[str, ...]
    found: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "design": list(self.design), "found": list(self.found)}


@dataclass(frozen=True)
class Diff:
    """All differences, how many nodes were matched by what, and whether cables were compared by `ports` or `nodes`."""

    design: str
    found: str
    matched: dict[str, int]
    compared_by: str
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"differences": [difference.to_dict() for difference in self.differences]}


def diff(design: Fabric, found: Fabric) -> Diff:
    """Every difference in the wiring, nodes first, then cables in the order of the design."""
    pairs = match(design, found)
    planned, seen = _cables(design, _numbers(pairs)), _cables(found, np.arange(found.nodes))
    by_ports = _share_in_common(planned, seen) >= 1 / 2
    if not by_ports:
        planned, seen = _without_ports(planned), _without_ports(seen)
    differences = (*_nodes(design, found, pairs), *_Comparison(planned, seen).differences())
    matched = {"guid": pairs.by_guid, "name": pairs.by_name, "structure": pairs.by_structure}
    return Diff(design.name, found.name, matched, "ports" if by_ports else "nodes", differences)


def _numbers(pairs: Match) -> np.ndarray:
    """The nodes of the design by their numbers in the network found; the missing ones from -2 down."""
    return np.where(pairs.other >= 0, pairs.other, -2 - np.arange(len(pairs.other)))


def _nodes(design: Fabric, found: Fabric, pairs: Match) -> Iterator[Difference]:
    compared = (NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE, *range(NodeKind.LEAF, NodeKind.SWITCH + 1))
    for node in np.flatnonzero(np.isin(design.node_kind, compared) & (pairs.other < 0)).tolist():
        yield Difference("missing-node", (design.label(node),), ())
    seen = np.zeros(found.nodes, dtype=bool)
    seen[pairs.other[pairs.other >= 0]] = True
    for node in np.flatnonzero(np.isin(found.node_kind, compared) & ~seen).tolist():
        yield Difference("extra-node", (), (found.label(node),))


class _Cable(NamedTuple):
    """A network cable by its ends in common numbers, the lower one first; `link` is a direction of it in `fabric`."""

    ends: Ends
    bps: float
    fabric: Fabric
    link: int

    @property
    def label(self) -> str:
        ways = (self.link, self.link ^ 1)
        return " - ".join(f"{self.fabric.label(self.fabric.link_source[way])}:{self.fabric.port[way]}" for way in ways)


def _cables(fabric: Fabric, number: np.ndarray) -> list[_Cable]:
    inner = fabric.node_kind == NodeKind.AGGREGATION
    used = (fabric.link_kind == LinkKind.NETWORK) & ~inner[fabric.link_source] & ~inner[fabric.link_target]
    links = np.flatnonzero(used[::2]) * 2
    forth, back = (
        zip(number[fabric.link_source[way]].tolist(), fabric.port[way].tolist(), strict=True)
        for way in (links, links + 1)
    )
    rates = fabric.capacity_bps[links].tolist()
    return [
        _Cable(_ends(one, other), bps, fabric, link)
        for one, other, bps, link in zip(forth, back, rates, links.tolist(), strict=True)
    ]


def _without_ports(cables: list[_Cable]) -> list[_Cable]:
    return [cable._replace(ends=_ends((cable.ends[0][0], 0), (cable.ends[1][0], 0))) for cable in cables]


def _share_in_common(planned: list[_Cable], seen: list[_Cable]) -> float:
    """Cables with equal ends and ports, over those with equal ends."""
    alike = _common(_without_ports(planned), _without_ports(seen))
    return _common(planned, seen) / alike if alike else 1.0


def _common(planned: list[_Cable], seen: list[_Cable]) -> int:
    return sum((Counter(cable.ends for cable in planned) & Counter(cable.ends for cable in seen)).values())


class _Comparison:
    """What is left of the cables on either side, as kind after kind of difference is taken out."""

    def __init__(self, planned: list[_Cable], seen: list[_Cable]) -> None:
        self.planned = self._by_ends(planned)
        self.seen = self._by_ends(seen)
        self.plugged: dict[End, list[Ends]] = defaultdict(list)

    @staticmethod
    def _by_ends(cables: list[_Cable]) -> dict[Ends, list[_Cable]]:
        found: dict[Ends, list[_Cable]] = defaultdict(list)
        for cable in cables:
            found[cable.ends].append(cable)
        return found

    def differences(self) -> Iterator[Difference]:
        yield from self._speeds()
        for ends in self.seen:
            for end in set(ends):
                self.plugged[end].append(ends)
        yield from self._swaps()
        yield from self._moves()
        for cables in self.planned.values():
            yield from (Difference("missing", (cable.label,), ()) for cable in cables)
        for cables in self.seen.values():
            yield from (Difference("extra", (), (cable.label,)) for cable in cables)

    def _speeds(self) -> Iterator[Difference]:
        """Take out the cables that are as designed; report those at another speed."""
        for ends in [ends for ends in self.planned if ends in self.seen]:
            mine = sorted(self.planned[ends], key=lambda cable: cable.bps)
            theirs = sorted(self.seen[ends], key=lambda cable: cable.bps)
            for planned, seen in zip(mine, theirs, strict=False):
                if planned.bps != seen.bps:
                    labels = [f"{cable.label} {format_bandwidth(cable.bps)}" for cable in (planned, seen)]
                    yield Difference("speed", (labels[0],), (labels[1],))
            both = min(len(mine), len(theirs))
            self.planned[ends], self.seen[ends] = mine[both:], theirs[both:]
        self.planned = {ends: cables for ends, cables in self.planned.items() if cables}
        self.seen = {ends: cables for ends, cables in self.seen.items() if cables}

    def _swaps(self) -> Iterator[Difference]:
        """Two cables x-y and u-v that were plugged as x-v and u-y."""
        for first in list(self.planned):
            second = next(self._swapped_with(first), None) if self.planned.get(first) else None
            while second is not None:
                planned, crossed = second
                taken = [self._take(self.planned, ends) for ends in (first, planned)]
                wrong = [self._take(self.seen, ends) for ends in crossed]
                yield Difference("swapped", tuple(c.label for c in taken), tuple(c.label for c in wrong))
                second = next(self._swapped_with(first), None) if self.planned.get(first) else None

    def _swapped_with(self, first: Ends) -> Iterator[tuple[Ends, tuple[Ends, Ends]]]:
        for x, y in (first, first[::-1]):
            for v in self._partners(x):
                for u in self._partners(y):
                    planned, crossed = _ends(u, v), (_ends(x, v), _ends(y, u))
                    enough = crossed[0] != crossed[1] or len(self.seen[crossed[0]]) > 1
                    if enough and (planned != first or len(self.planned[first]) > 1) and self.planned.get(planned):
                        yield planned, crossed

    def _partners(self, end: End) -> list[End]:
        """What the cables found at this end lead to."""
        return [ends[1] if ends[0] == end else ends[0] for ends in self.plugged[end] if ends in self.seen]

    def _moves(self) -> Iterator[Difference]:
        """A cable with one end where it should be, and the other somewhere else."""
        for ends in list(self.planned):
            while self.planned.get(ends):
                near = (other for end in ends for other in self.plugged[end] if other in self.seen)
                to = next(near, None)
                if to is None:
                    break
                cables = self._take(self.planned, ends), self._take(self.seen, to)
                yield Difference("moved", (cables[0].label,), (cables[1].label,))

    @staticmethod
    def _take(cables: dict[Ends, list[_Cable]], ends: Ends) -> _Cable:
        taken = cables[ends].pop(0)
        if not cables[ends]:
            del cables[ends]
        return taken


def _ends(one: End, other: End) -> Ends:
    return (one, other) if one <= other else (other, one)
