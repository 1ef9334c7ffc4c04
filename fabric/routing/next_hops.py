"""Next-hop sets on any graph: breadth-first distances to each goal, and the ways that shorten them at every hop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._choice_kernels import SOURCE
from ._next_hop_kernels import fill_climbs, fill_hops, fill_reach, graph_paths, graph_spread
from .ports import Ports
from .router import Indptr, Pairs, Paths, Reached, Rule, Shares, Spread, csr
from .switch_graph import Switches, SwitchGraph


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


class NextHops:
    """The shortest ways through a graph of switches that its groups and its order admit.

    `from_the_top` lists the switches of an ordered graph from the highest down; where `weighted`, ports count by the
    bandwidth that reaches the goal over them.
    """

    def __init__(self, graph: SwitchGraph, from_the_top: Switches | None = None, weighted: bool = False) -> None:
        self.graph = graph
        self.from_the_top = from_the_top
        self.weighted = weighted

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        start = self.graph.number[ports.switch[pairs.port_src]]
        goals, row = self.to_switches(self.graph.number[ports.switch[pairs.port_dst]], start)
        trips = Trips(start, row, self.digits(rule, pairs, ports), pairs.src, pairs.dst, pairs.entropy)
        *paths, reached = graph_paths(rule, trips, self.graph, goals)
        return Paths(*paths), reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        start = self.graph.number[ports.switch[port_src]]
        goals, row = self.to_switches(self.graph.number[ports.switch[port_dst]], start)
        *spread, reached = graph_spread(start, row, share_in, self.graph, goals)
        return Spread(*spread), reached

    def to_switches(self, ends: Switches, starts: Switches | None = None) -> tuple[Goals, npt.NDArray[np.int64]]:
        """The distinct switches among `ends` as goals, and the row of each end. Where the start of the way to each end
        is given, no more is looked for than these ways."""
        distinct, row = np.unique(ends, return_inverse=True)
        seeds = Seeds(np.arange(len(distinct) + 1), distinct)
        if starts is None or self.from_the_top is not None:
            return self.goals(seeds, self.graph.group[distinct]), row
        order = np.argsort(row, kind="stable")
        begins = Seeds(csr(np.bincount(row, minlength=len(distinct))), starts[order])
        return self.goals(seeds, self.graph.group[distinct], begins), row

    def goals(self, seeds: Seeds, group: Switches, starts: Seeds | None = None) -> Goals:
        """Distances to each row of seeds, all of them in `group`: from every switch, or as far as `starts` need."""
        hops = np.empty((len(group), self.graph.switches), dtype=np.int16)
        fill_hops(self.graph, seeds, group, starts or every_start(len(group)), hops)
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
