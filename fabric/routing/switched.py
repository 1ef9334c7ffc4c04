"""The router of every fabric of servers behind switches.

Two ranks of one scale-up domain talk through its NVSwitches; all others leave through a NIC, cross the switches and
enter through a NIC. Accelerators and NICs never forward for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric
from ._choice_kernels import choose_ports
from .next_hops import NextHops
from .ports import Ports, ScaleUp, network_ports, scale_up
from .router import Hops, Links, Pairs, Paths, Ranks, Rule, Shares, Spread, csr
from .tree import TreeHops

_FAULTS_SHOWN = 10


@dataclass(frozen=True)
class SwitchedRouter:
    """Paths chosen by `rule` among the equal-cost next hops of `fabric`."""

    fabric: Fabric
    rule: Rule

    @cached_property
    def ports(self) -> Ports:
        return network_ports(self.fabric)

    @cached_property
    def scale_up(self) -> ScaleUp:
        return scale_up(self.fabric)

    @cached_property
    def hops(self) -> Hops:
        return TreeHops(self.fabric) if "first" in self.fabric.columns else NextHops(self.fabric)

    def paths(self, src: npt.ArrayLike, dst: npt.ArrayLike, entropy: npt.ArrayLike | None = None) -> Paths:
        src, dst = self._ranks(src, dst)
        salt = np.zeros(len(src), np.uint64) if entropy is None else np.ascontiguousarray(entropy, dtype=np.uint64)
        inside, outside = self._divide(src, dst)
        up, down = choose_ports(self.rule, src[inside], dst[inside], salt[inside], self.scale_up.indptr)
        parts = [(inside, self.scale_up.links[up]), (inside, self.scale_up.links[down] ^ 1)]
        parts += self._paths_outside(outside, src[outside], dst[outside], salt[outside])
        pair, links = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Paths(csr(np.bincount(pair, minlength=len(src))), links[np.argsort(pair, kind="stable")])

    def _paths_outside(
        self, outside: Ranks, src: Ranks, dst: Ranks, salt: npt.NDArray[np.uint64]
    ) -> list[tuple[Ranks, Links]]:
        """Source's bus and port, the switches, destination's port and bus, as (pair, link) lists in hop order."""
        ports = self.ports
        port_src, port_dst = choose_ports(self.rule, src, dst, salt, ports.indptr)
        self._refuse(src, dst, port_src < 0)
        middle, reached = self.hops.paths(self.rule, Pairs(src, dst, salt, port_src, port_dst), ports)
        self._refuse(src, dst, ~reached)
        out, back = ports.bus_link[port_src], ports.bus_link[port_dst]
        return [
            (outside[out >= 0], out[out >= 0]),
            (outside, ports.link[port_src]),
            (np.repeat(outside, np.diff(middle.indptr)), middle.links),
            (outside, ports.link[port_dst] ^ 1),
            (outside[back >= 0], back[back >= 0] ^ 1),
        ]

    def spread(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Spread:
        src, dst = self._ranks(src, dst)
        inside, outside = self._divide(src, dst)
        parts = [self._spread_inside(src, dst, inside), *self._spread_outside(src, dst, outside)]
        pair, links, shares = _merged(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        return Spread(csr(np.bincount(pair, minlength=len(src))), links, shares)

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

    def _divide(self, src: Ranks, dst: Ranks) -> tuple[Ranks, Ranks]:
        """Indices of pairs inside one scale-up domain, and of pairs between domains; equal ranks are in neither."""
        domain = self.scale_up.domain
        together = (domain[src] == domain[dst]) & (domain[src] >= 0)
        apart = src != dst
        return np.flatnonzero(together & apart), np.flatnonzero(~together & apart)

    def _spread_inside(self, src: Ranks, dst: Ranks, inside: Ranks) -> tuple[Ranks, Links, Shares]:
        """By width over the NVSwitches; the k-th bundle of one rank ends on the same NVSwitch as another's k-th."""
        up = self.scale_up
        counts = np.diff(up.indptr)
        upward = _ranges(up.indptr[src[inside]], counts[src[inside]])
        downward = _ranges(up.indptr[dst[inside]], counts[src[inside]])
        owner = np.repeat(np.arange(self.fabric.ranks), counts)
        width = np.bincount(owner, weights=up.widths, minlength=self.fabric.ranks)
        pair = np.repeat(inside, counts[src[inside]])
        shares = up.widths[upward] / width[src[pair]]
        links = np.column_stack((up.links[upward], up.links[downward] ^ 1)).ravel()
        return np.repeat(pair, 2), links, np.repeat(shares, 2)

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
        out, back = ports.bus_link[port_src], ports.bus_link[port_dst]
        return [
            (pair[out >= 0], out[out >= 0], share[out >= 0]),
            (pair, ports.link[port_src], share),
            (np.repeat(pair, np.diff(middle.indptr)), middle.links, middle.shares),
            (pair, ports.link[port_dst] ^ 1, share),
            (pair[back >= 0], back[back >= 0] ^ 1, share[back >= 0]),
        ]

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


def _ranges(starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`starts [5, 9], counts [2, 1]` -> `[5, 6, 9]`."""
    return np.arange(counts.sum()) + np.repeat(starts - (np.cumsum(counts) - counts), counts)


def _merged(pair: Ranks, links: Links, shares: Shares) -> tuple[Ranks, Links, Shares]:
    """Ordered by pair, one entry per (pair, link): several ports of a rank may lead over the same link."""
    key = pair.astype(np.int64) << 32 | links
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])[: len(key)]
    if not len(starts):
        return pair, links, shares
    return pair[order[starts]], links[order[starts]], np.add.reduceat(shares[order], starts)
