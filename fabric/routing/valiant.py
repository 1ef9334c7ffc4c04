"""Valiant's randomised routing: minimally to a waypoint drawn by the flow's hash, and minimally on from there
(Valiant, "A Scheme for Fast Parallel Communication", SIAM J. Computing 1982).

Whatever the pattern, every link then carries what it carries under uniform traffic, at twice the way. The waypoint of a
dragonfly is a group (Kim et al., ISCA 2008, section 4.1), and the lane the number of global links crossed; elsewhere it
is a switch that has endpoints, and there is a lane more with every hop. All waypoints are alike, those that lie on the
minimal way too.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from ._choice_kernels import HASH, choose_each
from .groups import groups, has_groups
from .lanes import by_crossing, by_hop
from .next_hops import NextHops, Seeds, Targets, Trips
from .ports import Ports, network_ports
from .router import Indptr, Pairs, Paths, Reached, Router, Rule, Shares, Spread, csr
from .switch_graph import Switches, SwitchGraph, switch_graph
from .switched import SwitchedRouter

_OF_WAYPOINTS = 0x56414C49414E54  # sets the draw of a waypoint apart from the draws of ports


def valiant(fabric: Fabric, seed: int = 0) -> Router:
    """A waypoint and ports by seeded hash of the flow."""
    rule = Rule(HASH, seed)
    if has_groups(fabric):
        graph, crosses = groups(fabric)
        return SwitchedRouter(fabric, rule, ValiantHops(graph, by_group(graph)), by_crossing(crosses))
    graph = switch_graph(fabric)
    behind = np.unique(graph.number[network_ports(fabric).switch]).astype(np.int32)
    singles = Seeds(np.arange(len(behind) + 1), behind)
    return SwitchedRouter(fabric, rule, ValiantHops(graph, singles), by_hop)


def by_group(graph: SwitchGraph) -> Seeds:
    """Each group's switches."""
    order = np.argsort(graph.group, kind="stable").astype(np.int32)
    return Seeds(csr(np.bincount(graph.group)), order)


class ValiantHops:
    """Ways over one of several waypoints, each a set of switches."""

    def __init__(self, graph: SwitchGraph, waypoints: Seeds) -> None:
        self.graph = graph
        self.ways = NextHops(graph)
        self.waypoints = Targets(waypoints, graph.group[waypoints.switches[waypoints.indptr[:-1]]])

    @property
    def count(self) -> int:
        """Number of waypoints."""
        return len(self.waypoints.group)

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        graph, digit = self.graph, self.ways.digits(rule, pairs, ports)
        draw = Rule(HASH, rule.seed ^ _OF_WAYPOINTS)
        waypoint = choose_each(draw, pairs.src, pairs.dst, pairs.entropy, np.full(len(pairs.src), self.count))
        header = (digit, pairs.src, pairs.dst, pairs.entropy)
        start = graph.number[ports.switch[pairs.port_src]]
        first, there = self.ways.walk(rule, Trips(start, waypoint, *header), self.waypoints)
        targets, row = self.ways.to_switches(graph.number[ports.switch[pairs.port_dst]])
        second, reached = self.ways.walk(rule, Trips(_ends(graph, first, start), row, *header), targets)
        return _joined(first, second), there & reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        """Over every waypoint in equal parts, and over all minimal ways to it and on from it."""
        graph = self.graph
        entry = np.repeat(np.arange(len(port_src)), self.count)
        start = graph.number[ports.switch[port_src]][entry]
        row = np.tile(np.arange(self.count), len(port_src))
        part = share_in[entry] / self.count
        out, there = self.ways.split(start, row, part, self.waypoints)
        trip, end, share = self._arrivals(out, start, row, part)
        targets, final_row = self.ways.to_switches(graph.number[ports.switch[port_dst]])
        on, reached = self.ways.split(end, final_row[entry[trip]], share, targets)
        owner = np.concatenate((np.repeat(entry, np.diff(out.indptr)), np.repeat(entry[trip], np.diff(on.indptr))))
        order = np.argsort(owner, kind="stable")
        links, shares = np.concatenate((out.links, on.links)), np.concatenate((out.shares, on.shares))
        missed = np.bincount(entry, weights=~there, minlength=len(port_src))
        missed += np.bincount(entry[trip], weights=~reached, minlength=len(port_src))
        counts = np.bincount(owner, minlength=len(port_src))
        return Spread(csr(counts), links[order], shares[order]), missed == 0

    def _arrivals(self, out: Spread, start: Switches, row: Indptr, share_in: Shares) -> tuple[Indptr, Switches, Shares]:
        """`(trip, switch, share)` of what arrives at a waypoint's switch: where the trip began, or a link ends."""
        trip = np.repeat(np.arange(len(start)), np.diff(out.indptr))
        end = self.graph.number[self.graph.link_target[out.links]]
        arrives = self._is_at(end, row[trip])
        at_once = np.flatnonzero(self._is_at(start, row))
        return (
            np.concatenate((at_once, trip[arrives])),
            np.concatenate((start[at_once], end[arrives])),
            np.concatenate((share_in[at_once], out.shares[arrives])),
        )

    def _is_at(self, switch: Switches, row: Indptr) -> npt.NDArray[np.bool_]:
        """Whether each switch belongs to waypoint `row`."""
        return self._waypoint_of[switch] == row

    @cached_property
    def _waypoint_of(self) -> Indptr:
        """The waypoint that each switch belongs to, -1 for none; none belongs to two."""
        indptr, switches = self.waypoints.seeds
        found = np.full(self.graph.switches, -1, dtype=np.int64)
        found[switches] = np.repeat(np.arange(self.count), np.diff(indptr))
        return found


def _ends(graph: SwitchGraph, paths: Paths, start: Switches) -> Switches:
    """The switch at which each path ends."""
    moved = np.diff(paths.indptr) > 0
    ends = start.copy()
    ends[moved] = graph.number[graph.link_target[paths.links[paths.indptr[1:][moved] - 1]]]
    return ends


def _joined(first: Paths, second: Paths) -> Paths:
    """Each path of `first` with that of `second` behind it."""
    counts = np.diff(first.indptr), np.diff(second.indptr)
    owner: npt.NDArray[np.int64] = np.concatenate([np.repeat(np.arange(len(part)), part) for part in counts])
    links = np.concatenate((first.links, second.links))[np.argsort(owner, kind="stable")]
    return Paths(csr(counts[0] + counts[1]), links)
