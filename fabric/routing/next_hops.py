"""Next-hop sets on any graph: breadth-first distances to each goal, and the ways that shorten them at every hop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._breadth_first_kernels import AT_ONCE, fill_hops
from ._choice_kernels import SOURCE
from ._next_hop_kernels import fill_climbs, fill_reach, graph_paths, graph_spread
from .ports import Ports
from .router import Indptr, Pairs, Paths, Reached, Rule, Shares, Spread, csr
from .switch_graph import Switches, SwitchGraph

TABLE_BYTES = 1 << 25
"""Distances held at a time, unless 64 goals take more."""


class Goals(NamedTuple):
    """Rows of distances: see `_next_hop_kernels`. `reach` is bit/s from each switch, empty where links weigh alike."""

    hops: npt.NDArray[np.int16]
    group: Switches
    reach: npt.NDArray[np.float32]


class Seeds(NamedTuple):
    """The switches that make up each goal, as CSR by row."""

    indptr: Indptr
    switches: Switches


def every_start(rows: int) -> Seeds:
    """No switch listed: the search goes through the whole graph."""
    return Seeds(np.zeros(rows + 1, dtype=np.int64), np.empty(0, dtype=np.int32))


class Trips(NamedTuple):
    """Ways to be found from switch `start` to goal `row`; `digit` is what DESTINATION or SOURCE rules take."""

    start: Switches
    row: npt.NDArray[np.int64]
    digit: Indptr
    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    entropy: npt.NDArray[np.uint64]

    def rows(self, part: Indptr, row: npt.NDArray[np.int64]) -> Trips:
        """Some of them, with their goals' rows in another table."""
        return Trips(self.start[part], row, self.digit[part], self.src[part], self.dst[part], self.entropy[part])


class Targets(NamedTuple):
    """What ways lead to, by row: switches that are all in one group."""

    seeds: Seeds
    group: Switches

    def rows(self, rows: Indptr) -> Targets:
        """Some of the rows."""
        indptr, switches = self.seeds
        counts = np.diff(indptr)[rows]
        begins = csr(counts)
        picked = np.arange(begins[-1]) + np.repeat(indptr[rows] - begins[:-1], counts)
        return Targets(Seeds(begins, switches[picked]), self.group[rows])


class NextHops:
    """The shortest ways through a graph of switches that its groups and its order admit.

    `from_the_top` lists the switches of an ordered graph from the highest down; where `weighted`, ports count by the
    bandwidth that reaches the goal over them. Distances are found for the goals in use, some goals at a time.
    """

    def __init__(self, graph: SwitchGraph, from_the_top: Switches | None = None, weighted: bool = False) -> None:
        self.graph = graph
        self.from_the_top = from_the_top
        self.weighted = weighted

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        start = self.graph.number[ports.switch[pairs.port_src]]
        targets, row = self.to_switches(self.graph.number[ports.switch[pairs.port_dst]])
        digit = self.digits(rule, pairs, ports)
        return self.walk(rule, Trips(start, row, digit, pairs.src, pairs.dst, pairs.entropy), targets)

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        start = self.graph.number[ports.switch[port_src]]
        targets, row = self.to_switches(self.graph.number[ports.switch[port_dst]])
        return self.split(start, row, share_in, targets)

    def walk(self, rule: Rule, trips: Trips, targets: Targets) -> tuple[Paths, Reached]:
        """One path per trip."""
        blocks = [
            (part, *graph_paths(rule, trips.rows(part, row), self.graph, goals))
            for part, row, goals in self._blocks(trips.start, trips.row, targets)
        ]
        indptr, (links,), reached = _in_order(len(trips.start), blocks, (np.int32,))
        return Paths(indptr, links), reached

    def split(self, start: Switches, row: Indptr, share_in: Shares, targets: Targets) -> tuple[Spread, Reached]:
        """The equal-cost split of each way from `start` to target `row`, `share_in` entering."""
        blocks = [
            (part, *graph_spread(start[part], rows, share_in[part], self.graph, goals))
            for part, rows, goals in self._blocks(start, row, targets)
        ]
        indptr, (links, shares), reached = _in_order(len(start), blocks, (np.int32, np.float64))
        return Spread(indptr, links, shares), reached

    def to_switches(self, ends: Switches) -> tuple[Targets, npt.NDArray[np.int64]]:
        """The distinct switches among `ends` as targets, and the row of each end."""
        distinct, row = np.unique(ends, return_inverse=True)
        return Targets(Seeds(np.arange(len(distinct) + 1), distinct), self.graph.group[distinct]), row

    def _blocks(
        self, start: Switches, row: Indptr, targets: Targets
    ) -> Iterator[tuple[Indptr, npt.NDArray[np.int64], Goals]]:
        """Numbers of ways to some of the targets, their rows among these, and the distances to them."""
        used, own = np.unique(row, return_inverse=True)
        order = np.argsort(own, kind="stable")
        begins = csr(np.bincount(own, minlength=len(used)))
        at_once = max(AT_ONCE, TABLE_BYTES // (2 * max(self.graph.switches, 1)) // AT_ONCE * AT_ONCE)
        for first in range(0, len(used), at_once):
            rows = used[first : first + at_once]
            part = order[begins[first] : begins[first + len(rows)]]
            starts = Seeds(begins[first : first + len(rows) + 1] - begins[first], start[part])
            goals = self.goals(targets.rows(rows), starts)
            part = part if len(rows) < len(used) else np.arange(len(row))
            yield part, own[part] - first, goals

    def goals(self, targets: Targets, starts: Seeds | None = None) -> Goals:
        """Distances to each target: from every switch, or as far as `starts`, by row, need."""
        seeds, group = targets
        whole = starts is None or self.from_the_top is not None
        hops = np.empty((len(group), self.graph.switches), dtype=np.int16)
        fill_hops(self.graph, seeds, group, every_start(len(group)) if whole else starts, hops)
        if self.from_the_top is not None:
            fill_climbs(self.graph, self.from_the_top, hops)
        goals = Goals(hops, group, np.empty((0, 0), dtype=np.float32))
        if not self.weighted:
            return goals
        reach = np.empty(hops.shape, dtype=np.float32)
        fill_reach(self.graph, goals, reach)
        return goals._replace(reach=reach)

    def digits(self, rule: Rule, pairs: Pairs, ports: Ports) -> Indptr:
        """A number per pair: consecutive over the ports behind one switch, offset by the switch, so that what lies
        behind a switch is dealt evenly over the next hops towards it, as OpenSM's min-hop engine deals it."""
        order = np.lexsort((ports.node, ports.switch))
        ordered = ports.switch[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(ordered)]
        within = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
        ordinal = np.empty(len(ordered), dtype=np.int64)
        ordinal[order] = within + self.graph.number[ordered]
        return ordinal[pairs.port_src if rule.kind == SOURCE else pairs.port_dst]


def _in_order(
    count: int, blocks: Sequence[tuple[Any, ...]], kinds: tuple[type, ...]
) -> tuple[Indptr, list[npt.NDArray[Any]], Reached]:
    """CSR of `count` rows from those of blocks, each its numbers of rows, indptr, columns of these kinds, and a flag
    per row."""
    if len(blocks) == 1:
        _, indptr, *columns, flags = blocks[0]
        return indptr, columns, flags
    order = np.concatenate([np.empty(0, dtype=np.int64), *(block[0] for block in blocks)])
    lengths = np.concatenate([np.empty(0, dtype=np.int64), *(np.diff(block[1]) for block in blocks)])
    columns = [
        np.concatenate([np.empty(0, dtype=kind), *(block[2 + place] for block in blocks)])
        for place, kind in enumerate(kinds)
    ]
    flags = np.concatenate([np.empty(0, dtype=np.bool_), *(block[-1] for block in blocks)])
    place = np.argsort(order)
    indptr = csr(lengths[place])
    taken = np.arange(indptr[-1]) + np.repeat(csr(lengths)[place] - indptr[:-1], lengths[place])
    return indptr, [column[taken] for column in columns], flags[place]
