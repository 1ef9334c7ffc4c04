"""The router of every fabric of servers behind switches.

Two ranks of one scale-up domain talk through its NVSwitches; all others leave through a NIC, cross the switches and enter
through a NIC. Accelerators and NICs never forward for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric
from ._choice_kernels import choose_ports, choose_scale_up
from .next_hops import NextHops
from .ports import Attachments, ScaleUp, attachments, scale_up
from .router import Links, Paths, Ranks, Spread, csr
from .tree import TreeHops

_FAULTS_SHOWN = 10


@dataclass(frozen=True)
class SwitchedRouter:
    """Paths chosen by `rule` (HASH or DESTINATION) among the equal-cost next hops of `fabric`."""

    fabric: Fabric
    rule: int
    seed: int = 0

    @cached_property
    def attachments(self) -> Attachments:
        return attachments(self.fabric)

    @cached_property
    def scale_up(self) -> ScaleUp:
        return scale_up(self.fabric)

    @cached_property
    def hops(self) -> TreeHops | NextHops:
        return TreeHops.of(self.fabric) if "first" in self.fabric.columns else NextHops.of(self.fabric)

    def paths(self, src: npt.ArrayLike, dst: npt.ArrayLike, entropy: npt.ArrayLike | None = None) -> Paths:
        src, dst = self._ranks(src, dst)
        salt = np.zeros(len(src), np.uint64) if entropy is None else np.ascontiguousarray(entropy, dtype=np.uint64)
        inside, outside = self._divide(src, dst)
        up, down = choose_scale_up(self.rule, self.seed, src[inside], dst[inside], salt[inside], self.scale_up.indptr)
        domain_links = np.column_stack((self.scale_up.links[up], self.scale_up.links[down] ^ 1)).ravel()
        att_src, att_dst = choose_ports(
            self.rule, self.seed, src[outside], dst[outside], salt[outside], self.attachments.indptr
        )
        indptr, links, lengths = self.hops.paths(
            self.rule, self.seed, src[outside], dst[outside], salt[outside], self.attachments, att_src, att_dst
        )
        self._refuse(src[outside], dst[outside], lengths < 0)
        counts = np.zeros(len(src), dtype=np.int64)
        counts[inside], counts[outside] = 2, lengths
        merged = csr(counts)
        out = np.empty(merged[-1], dtype=np.int32)
        out[_ranges(merged[:-1][inside], 2)] = domain_links
        out[_ranges(merged[:-1][outside], lengths)] = links
        return Paths(merged, out)

    def spread(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Spread:
        src, dst = self._ranks(src, dst)
        inside, outside = self._divide(src, dst)
        parts = [self._spread_inside(src, dst, inside), *self._spread_outside(src, dst, outside)]
        pair, links, shares = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(pair, kind="stable")
        pair, links, shares = _merged(pair[order], links[order], shares[order])
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

    def _spread_inside(self, src: Ranks, dst: Ranks, inside: Ranks) -> tuple[Ranks, Links, npt.NDArray[np.float64]]:
        """By width over the NVSwitches; the k-th bundle of one rank ends on the same NVSwitch as another's k-th."""
        up = self.scale_up
        counts = up.indptr[src[inside] + 1] - up.indptr[src[inside]]
        pair = np.repeat(inside, counts)
        upward = _ranges(up.indptr[src[inside]], counts)
        downward = _ranges(up.indptr[dst[inside]], counts)
        owner = np.repeat(np.arange(self.fabric.ranks), np.diff(up.indptr))
        total = np.bincount(owner, weights=up.widths, minlength=self.fabric.ranks)
        shares = up.widths[upward] / total[np.repeat(src[inside], counts)]
        return np.repeat(pair, 2), np.column_stack((up.links[upward], up.links[downward] ^ 1)).ravel(), np.repeat(shares, 2)

    def _spread_outside(
        self, src: Ranks, dst: Ranks, outside: Ranks
    ) -> list[tuple[Ranks, Links, npt.NDArray[np.float64]]]:
        """Over every port of the source in equal parts, each to the destination's port of the same index."""
        att = self.attachments
        counts = att.indptr[src[outside] + 1] - att.indptr[src[outside]]
        there = att.indptr[dst[outside] + 1] - att.indptr[dst[outside]]
        self._refuse(src[outside], dst[outside], (counts == 0) | (there == 0))
        pair = np.repeat(outside, counts)
        att_src = _ranges(att.indptr[src[outside]], counts)
        index = att_src - np.repeat(att.indptr[src[outside]], counts)
        att_dst = np.repeat(att.indptr[dst[outside]], counts) + index % np.repeat(there, counts)
        share = 1.0 / np.repeat(counts, counts)
        indptr, links, shares, reached = self.hops.spread(att, att_src, att_dst, share)
        self._refuse(src[pair], dst[pair], ~reached)
        parts = [(pair, att.port_links[att_src], share), (np.repeat(pair, np.diff(indptr)), links, shares)]
        if isinstance(self.hops, NextHops):
            parts.append((pair, att.port_links[att_dst] ^ 1, share))
        for bus, way_back in ((att.bus_links[att_src], 0), (att.bus_links[att_dst], 1)):
            has = bus >= 0
            parts.append((pair[has], bus[has] ^ way_back, share[has]))
        return parts

    def _refuse(self, src: Ranks, dst: Ranks, lost: npt.NDArray[np.bool_]) -> None:
        if not lost.any():
            return
        names = [self.fabric.label(int(node)) for node in self.fabric.endpoints]
        pairs = sorted(set(zip(src[lost].tolist(), dst[lost].tolist(), strict=True)))
        cure = "cable them to one network, or leave these ranks out"
        faults = [Fault(f"no path from {names[s]} to {names[d]}", cure) for s, d in pairs[:_FAULTS_SHOWN]]
        if len(pairs) > _FAULTS_SHOWN:
            faults.append(Fault(f"and {len(pairs) - _FAULTS_SHOWN} more pairs without a path", cure))
        raise RoutingError(faults)


def _ranges(starts: npt.NDArray[np.int64], counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """`starts [5, 9], counts [2, 1]` -> `[5, 6, 9]`."""
    counts = np.broadcast_to(np.asarray(counts, dtype=np.int64), starts.shape)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts) + np.repeat(starts, counts)


def _merged(
    pair: Ranks, links: Links, shares: npt.NDArray[np.float64]
) -> tuple[Ranks, Links, npt.NDArray[np.float64]]:
    """One entry per (pair, link): several ports of a rank may lead over the same link."""
    key = pair.astype(np.int64) << 32 | links
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])[: len(key)]
    if len(first) == len(key):
        return pair, links, shares
    return pair[order[first]], links[order[first]], np.add.reduceat(shares[order], first)
