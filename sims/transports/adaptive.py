"""Paths chosen by load: adaptive (among minimal ways), UGAL (minimal or by a waypoint), spray (evenly, whatever the
load).

UGAL: Singh, "Load-Balanced Routing in Interconnection Networks", 2005; Kim et al., ISCA 2008, section 4.2: a packet
goes minimally if queue times hops is less there than on a Valiant way. Queues stand where links are full, so at rest
no used way runs over fuller links than an unused one: the split that minimises the sum of u + u^32 / 32 over links, u
their load when every port sends and receives what it can. Adaptive does the same among minimal ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric, LinkKind
from ...fabric.routing import Paths, Router, Spread, router_for
from ...fabric.routing.groups import has_groups
from ...fabric.routing.ports import network_ports
from ...fabric.routing.router import csr
from ._adaptive_kernels import balance

LOAD_RULES = ("adaptive", "spray", "ugal")
DRAWN = 8
"""Single ways that each pair tries beside the even spread over its minimal ones."""

Ranks = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoadRouter:
    """Ways chosen by load among those of `minimal`, and of `detours` where there are any; without `balanced`, the even
    spread. As a Router it is `minimal`."""

    fabric: Fabric
    minimal: Router
    detours: Router | None = None
    balanced: bool = True

    def paths(
        self,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        entropy: npt.ArrayLike | None = None,
        adapter: npt.ArrayLike | None = None,
    ) -> Paths:
        return self.minimal.paths(src, dst, entropy, adapter)

    def adapters(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> npt.NDArray[np.int64]:
        return self.minimal.adapters(src, dst)

    def spread(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Spread:
        return self.minimal.spread(src, dst)

    @property
    def assumption(self) -> str:
        """In one sentence."""
        if not self.balanced:
            return "Packets spread evenly over all minimal ways, whatever the load."
        among = "minimal ways" if self.detours is None else "minimal ways and detours"
        return f"Packets choose among {among} by load, as if all transfers were under way at once."

    def by_load(self, src: Ranks, dst: Ranks) -> Spread:
        """The split of each pair's packets when all pairs send at once. Raises RoutingError."""
        even = self.minimal.spread(src, dst)
        if not self.balanced or not len(src):
            return even
        drawn = self.minimal if self.detours is None else self.detours
        singles = [drawn.paths(src, dst, np.full(len(src), draw, np.uint64)) for draw in range(DRAWN)]
        ways = _Ways.of([even, *(Spread(path.indptr, path.links, np.ones(len(path.links))) for path in singles)])
        fraction = np.zeros(len(ways.entry_ptr) - 1)
        fraction[ways.way_ptr[:-1]] = 1.0
        loads, costs = np.zeros(self.fabric.links), np.ones(self.fabric.links)
        demand = self._demand_bps(src, dst)
        balance(
            ways.way_ptr, ways.entry_ptr, ways.links, ways.shares, demand, self._per_capacity, loads, costs, fraction
        )
        return ways.merged(fraction)

    @cached_property
    def _per_capacity(self) -> Floats:
        """s/bit on the links of the switched network; other links are never in the way."""
        network = self.fabric.link_kind == LinkKind.NETWORK
        return np.where(network, 1 / self.fabric.capacity_bps, 0.0)

    @cached_property
    def _port_bps(self) -> Floats:
        """Per rank, the rate of its ports together; a host that forwards for others sends on all its links."""
        fabric, ports = self.fabric, network_ports(self.fabric)
        rank = np.repeat(np.arange(fabric.ranks), np.diff(ports.indptr))
        if (ports.link >= 0).all():
            return np.bincount(rank, fabric.capacity_bps[ports.link], fabric.ranks).astype(np.float64)
        out_bps = np.bincount(fabric.link_source, fabric.capacity_bps, fabric.nodes).astype(np.float64)
        return np.asarray(out_bps[fabric.endpoints])

    def _demand_bps(self, src: Ranks, dst: Ranks) -> Floats:
        """Per pair what the ports of both ends can give it beside their other pairs."""
        sends, receives = (np.bincount(end, minlength=self.fabric.ranks) for end in (src, dst))
        return np.minimum(self._port_bps[src] / sends[src], self._port_bps[dst] / receives[dst])


@dataclass(frozen=True)
class _Ways:
    """Alternative ways of each pair: pair i has ways way_ptr[i]..way_ptr[i+1], way w the entries
    entry_ptr[w]..entry_ptr[w+1] of `links`, with the share of the way's traffic on each."""

    way_ptr: npt.NDArray[np.int64]
    entry_ptr: npt.NDArray[np.int64]
    links: npt.NDArray[np.int32]
    shares: Floats

    @classmethod
    def of(cls, sets: list[Spread]) -> _Ways:
        """The k-th way of each pair is that of the k-th set."""
        pairs = len(sets[0].indptr) - 1
        counts = np.array([np.diff(each.indptr) for each in sets])
        owner = np.concatenate([np.repeat(np.arange(pairs), row) for row in counts])
        order = np.argsort(owner, kind="stable")
        links, shares = np.concatenate([each.links for each in sets]), np.concatenate([each.shares for each in sets])
        return cls(np.arange(pairs + 1) * len(sets), csr(counts.T.ravel()), links[order], shares[order])

    def merged(self, fraction: Floats) -> Spread:
        """The ways of each pair as one spread, each taken with its fraction."""
        way = np.repeat(np.arange(len(fraction)), np.diff(self.entry_ptr))
        pair = way // (self.way_ptr[1] if len(self.way_ptr) > 1 else 1)
        taken = fraction[way] > 0
        key, place = np.unique(pair[taken] << 32 | self.links[taken], return_inverse=True)
        shares = np.bincount(place, weights=(self.shares * fraction[way])[taken], minlength=len(key))
        counts = np.bincount(key >> 32, minlength=len(self.way_ptr) - 1)
        return Spread(csr(counts), (key & 0xFFFFFFFF).astype(np.int32), np.minimum(shares, 1.0))


def load_router(fabric: Fabric, rule: str, seed: int) -> LoadRouter:
    """The router of a rule of LOAD_RULES. Minimal on a dragonfly is by at most one global link, elsewhere any shortest
    way."""
    minimal = router_for(fabric, "minimal" if has_groups(fabric) else "ecmp", seed)
    detours = router_for(fabric, "valiant", seed) if rule == "ugal" else None
    return LoadRouter(fabric, minimal, detours, rule != "spray")
