"""The router of every fabric of servers behind switches.

Two ranks of one scale-up domain talk through its NVSwitches, or over the cable between them where there is one; all
others leave through a NIC, cross the switches and enter through a NIC. Accelerators and NICs never forward for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric
from ._choice_kernels import choose_each, choose_ports
from ._gather_kernels import in_pairs
from .hashing import FIVE_TUPLE, Hashing
from .lanes import Assign, one_lane
from .next_hops import NextHops
from .ports import (
    DirectLinks,
    Ports,
    ScaleUp,
    adapters,
    all_of,
    direct_links,
    network_ports,
    of_adapter,
    scale_up,
    scale_up_ports,
)
from .router import Hops, Indptr, Lanes, Links, Pairs, Paths, Ranks, Rule, Shares, Spread, csr
from .switch_graph import nvswitch_graph

_FAULTS_SHOWN = 10
_Leg = tuple[Ranks, Links, Lanes]


@dataclass(frozen=True)
class SwitchedRouter:
    """Paths that `rule` chooses among the ways that `hops` finds between switches, on the lanes that `assign` gives;
    `hashing`: what a hash sees."""

    fabric: Fabric
    rule: Rule
    hops: Hops
    assign: Assign = one_lane
    hashing: Hashing = FIVE_TUPLE

    @cached_property
    def ports(self) -> Ports:
        return network_ports(self.fabric)

    @cached_property
    def scale_up(self) -> ScaleUp:
        return scale_up(self.fabric)

    @cached_property
    def racks(self) -> NextHops:
        """The ways between the NVSwitches of a domain of several racks."""
        return NextHops(nvswitch_graph(self.fabric))

    @cached_property
    def direct(self) -> DirectLinks:
        return direct_links(self.fabric)

    def paths(
        self,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        entropy: npt.ArrayLike | None = None,
        adapter: npt.ArrayLike | None = None,
    ) -> Paths:
        src, dst = self._ranks(src, dst)
        salt = np.zeros(len(src), np.uint64) if entropy is None else np.ascontiguousarray(entropy, dtype=np.uint64)
        inside, beside, outside = self._divide(src, dst)
        cable, cables = self.direct.between(src[beside], dst[beside])
        cable += choose_each(self.rule, src[beside], dst[beside], salt[beside], cables)
        legs = [
            *self._legs_inside(inside, src[inside], dst[inside], salt[inside]),
            _leg(beside, self.direct.links[cable]),
            *self._legs_outside(outside, src[outside], dst[outside], salt[outside], adapter),
        ]
        pair, links, lanes = (np.concatenate(column) for column in zip(*legs, strict=True))
        order = np.argsort(pair, kind="stable")
        return Paths(csr(np.bincount(pair, minlength=len(src))), links[order], lanes[order])

    def _legs_inside(self, inside: Ranks, src: Ranks, dst: Ranks, salt: npt.NDArray[np.uint64]) -> list[_Leg]:
        """To an NVSwitch of the source's rack, on to one of the destination's where that is another, and down."""
        up = self.scale_up
        port_src, port_dst = choose_ports(self.rule, src, dst, salt, all_of(up.indptr, src), all_of(up.indptr, dst))
        legs = [_leg(inside, up.links[port_src]), _leg(inside, up.links[port_dst] ^ 1)]
        if up.tiered:
            ports = scale_up_ports(self.fabric, up)
            middle, reached = self.racks.paths(self.rule, Pairs(src, dst, salt, port_src, port_dst), ports)
            self._refuse(src, dst, ~reached)
            legs.insert(1, (np.repeat(inside, np.diff(middle.indptr)), middle.links, one_lane(middle)))
        return legs

    def _legs_outside(
        self,
        outside: Ranks,
        src: Ranks,
        dst: Ranks,
        salt: npt.NDArray[np.uint64],
        adapter: npt.ArrayLike | None,
    ) -> list[_Leg]:
        """Source's bus and port, the switches, destination's port and bus."""
        ports = self.ports
        if adapter is None:
            choices = [all_of(ports.indptr, end) for end in (src, dst)]
        else:
            number = np.asarray(adapter, dtype=np.int64)[outside]
            choices = [of_adapter(ports, end, number) for end in (src, dst)]
        port_src, port_dst = choose_ports(self.rule, src, dst, salt, *choices)
        self._refuse(src, dst, port_src < 0)
        header = self.hashing.seen(src, dst, salt)
        middle, reached = self.hops.paths(self.rule, Pairs(*header, port_src, port_dst), ports)
        self._refuse(src, dst, ~reached)
        return [
            _leg(outside, ports.bus_link[port_src]),
            _leg(outside, ports.link[port_src]),
            (np.repeat(outside, np.diff(middle.indptr)), middle.links, self.assign(middle)),
            _leg(outside, _back(ports.link[port_dst])),
            _leg(outside, _back(ports.bus_link[port_dst])),
        ]

    def adapters(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Indptr:
        count = np.diff(adapters(self.ports)[0])
        src, dst = self._ranks(src, dst)
        inside, beside, _ = self._divide(src, dst)
        both = np.maximum(np.minimum(count[src], count[dst]), 1)
        both[inside] = both[beside] = 1
        return both

    def spread(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Spread:
        src, dst = self._ranks(src, dst)
        inside, beside, outside = self._divide(src, dst)
        parts = [
            *self._spread_inside(src, dst, inside),
            self._spread_beside(src, dst, beside),
            *self._spread_outside(src, dst, outside),
        ]
        legs = csr(np.array([len(pair) for pair, *_ in parts]))
        entries = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Spread(*in_pairs(*entries, legs, len(src), self.fabric.links))

    def _ranks(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> tuple[Ranks, Ranks]:
        ends = [np.ascontiguousarray(side, dtype=np.int32) for side in (src, dst)]
        faults = [
            Fault(f"rank {side[(side < 0) | (side >= self.fabric.ranks)][0]} is outside 0..{self.fabric.ranks - 1}")
            for side in ends
            if len(side) and (side.min() < 0 or side.max() >= self.fabric.ranks)
        ]
        if faults:
            raise RoutingError(faults)
        return ends[0], ends[1]

    def _divide(self, src: Ranks, dst: Ranks) -> tuple[Ranks, Ranks, Ranks]:
        """Indices of the pairs inside one scale-up domain, of those with a cable of their own, and of all others; equal
        ranks are in none."""
        domain = self.scale_up.domain
        together = (domain[src] == domain[dst]) & (domain[src] >= 0)
        cabled = ~together & (self.direct.between(src, dst)[1] > 0)
        apart = src != dst
        kinds = (together & apart, cabled, ~together & ~cabled & apart)
        inside, beside, outside = (np.flatnonzero(kind).astype(np.int32) for kind in kinds)
        return inside, beside, outside

    def _spread_inside(self, src: Ranks, dst: Ranks, inside: Ranks) -> list[tuple[Ranks, Links, Shares]]:
        """By width over the NVSwitches; the k-th bundle of one rank ends on the same NVSwitch as another's k-th, or on
        one joined to it."""
        up = self.scale_up
        counts = np.diff(up.indptr)
        upward = _ranges(up.indptr[src[inside]], counts[src[inside]])
        downward = _ranges(up.indptr[dst[inside]], counts[src[inside]])
        owner = np.repeat(np.arange(self.fabric.ranks), counts)
        width = np.bincount(owner, weights=up.widths, minlength=self.fabric.ranks)
        pair = np.repeat(inside, counts[src[inside]])
        shares = up.widths[upward] / width[src[pair]]
        links = np.column_stack((up.links[upward], up.links[downward] ^ 1)).ravel()
        parts = [(np.repeat(pair, 2), links, np.repeat(shares, 2))]
        if up.tiered:
            middle, reached = self.racks.spread(scale_up_ports(self.fabric, up), upward, downward, shares)
            self._refuse(src[pair], dst[pair], ~reached)
            parts.append((np.repeat(pair, np.diff(middle.indptr)), middle.links, middle.shares))
        return parts

    def _spread_beside(self, src: Ranks, dst: Ranks, beside: Ranks) -> tuple[Ranks, Links, Shares]:
        """In equal parts over the cables between the two."""
        first, cables = self.direct.between(src[beside], dst[beside])
        return np.repeat(beside, cables), self.direct.links[_ranges(first, cables)], np.repeat(1 / cables, cables)

    def _spread_outside(self, src: Ranks, dst: Ranks, outside: Ranks) -> list[tuple[Ranks, Links, Shares]]:
        """Over every port of the source in equal parts, each to the destination's port of the same index."""
        ports, counts = self.ports, np.diff(self.ports.indptr)
        here, there = counts[src[outside]], counts[dst[outside]]
        self._refuse(src[outside], dst[outside], (here == 0) | (there == 0))
        pair = np.repeat(outside, here)
        port_src = _ranges(ports.indptr[src[outside]], here)
        index = port_src - ports.indptr[src[pair]]
        port_dst = ports.indptr[dst[pair]] + index % counts[dst[pair]]
        share = 1.0 / counts[src[pair]]
        middle, reached = self.hops.spread(ports, port_src, port_dst, share)
        self._refuse(src[pair], dst[pair], ~reached)
        up = ports.bus_link[port_src], ports.link[port_src]
        down = _back(ports.link[port_dst]), _back(ports.bus_link[port_dst])
        crossed = (np.repeat(pair, np.diff(middle.indptr)), middle.links, middle.shares)
        first, last = ([(pair[link >= 0], link[link >= 0], share[link >= 0]) for link in ends] for ends in (up, down))
        return [*first, crossed, *last]

    def _refuse(self, src: Ranks, dst: Ranks, lost: npt.NDArray[np.bool_]) -> None:
        if not lost.any():
            return
        label = [self.fabric.label(int(node)) for node in self.fabric.endpoints]
        pairs = sorted(set(zip(src[lost].tolist(), dst[lost].tolist(), strict=True)))
        cure = "cable them to one network, or leave these ranks out"
        faults = [Fault(f"no path from {label[s]} to {label[d]}", cure) for s, d in pairs[:_FAULTS_SHOWN]]
        if len(pairs) > _FAULTS_SHOWN:
            faults.append(Fault(f"and {len(pairs) - _FAULTS_SHOWN} more pairs without a path", cure))
        raise RoutingError(faults)


def _leg(pair: Ranks, link: Links) -> _Leg:
    """One hop of each pair on lane 0; link -1 means that the pair has none here."""
    there = link >= 0
    return pair[there], link[there], np.zeros(int(there.sum()), dtype=np.int8)


def _back(links: Links) -> Links:
    """The same cables the other way; -1 stays -1."""
    return np.where(links >= 0, links ^ 1, -1).astype(np.int32)


def _ranges(starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`starts [5, 9], counts [2, 1]` -> `[5, 6, 9]`."""
    return np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
