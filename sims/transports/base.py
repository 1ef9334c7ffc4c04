"""What a transport is asked: how transfers become subflows with their links, what share of a link's rate is payload,
and who gets what of a contended link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric
from ...fabric.routing import Paths, Router, Spread
from ..engine import FlowResult, simulate_flows

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Subflows:
    """The flows that a batch of transfers becomes.

    Per subflow: `transfer` (index of the transfer it belongs to) and `part` (its fraction of that transfer's bytes).
    CSR `indptr`, `links` gives its directed links, `shares` the fraction of the subflow on each.
    """

    transfer: npt.NDArray[np.int64]
    part: Floats
    indptr: npt.NDArray[np.int64]
    links: npt.NDArray[np.int32]
    shares: Floats

    @staticmethod
    def along(routes: Paths | Spread, transfer: npt.NDArray[np.int64] | None = None) -> Subflows:
        """One subflow per route; several routes of one transfer carry equal parts of it."""
        count = len(routes.indptr) - 1
        transfer = np.arange(count) if transfer is None else transfer
        part = 1.0 / np.bincount(transfer, minlength=1)[transfer]
        shares = routes.shares if isinstance(routes, Spread) else np.ones(len(routes.links))
        return Subflows(transfer, part, routes.indptr, routes.links, shares)

    @staticmethod
    def joined(sets: Sequence[tuple[npt.NDArray[np.int64], Subflows]]) -> Subflows:
        """Several sets as one; beside each set stand the batch's numbers of its transfers."""
        indptr = np.zeros(1 + sum(len(flows.transfer) for _, flows in sets), dtype=np.int64)
        np.cumsum(np.concatenate([np.diff(flows.indptr) for _, flows in sets]), out=indptr[1:])
        return Subflows(
            np.concatenate([numbers[flows.transfer] for numbers, flows in sets]),
            np.concatenate([flows.part for _, flows in sets]),
            indptr,
            np.concatenate([flows.links for _, flows in sets]),
            np.concatenate([flows.shares for _, flows in sets]),
        )

    def where(self, kept: npt.NDArray[np.bool_]) -> Subflows:
        """The same subflows on the links for which `kept` (bool per link of the fabric) holds."""
        on = kept[self.links]
        indptr = np.concatenate(([0], np.cumsum(on)))[self.indptr]
        return Subflows(self.transfer, self.part, indptr, self.links[on], self.shares[on])


def over_adapters(router: Router, src: Ranks, dst: Ranks, connections: int = 1) -> tuple[Indices, Indices, Indices]:
    """Each transfer over every adapter that both its ranks have, by `connections` connections each, as NCCL's channels
    use them: (transfer, adapter, connection) of every subflow."""
    count = router.adapters(src, dst) * connections
    transfer = np.repeat(np.arange(len(src)), count)
    number = np.arange(len(transfer)) - np.repeat(np.cumsum(count) - count, count)
    adapter, connection = np.divmod(number, connections)
    return transfer, adapter, connection


class Transport:
    """Base of every transport; `split` and `limits` are its own, sharing is max-min fair unless it says otherwise."""

    name: ClassVar[str]

    def rule(self, fabric: Fabric) -> str:
        """The routing rule that `routing="auto"` means under this transport."""
        return "auto"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        """The subflows of transfers between pairs of ranks. Raises RoutingError for pairs without a path."""
        raise NotImplementedError

    def limits(self, fabric: Fabric) -> Floats:
        """Per directed link, the share of its line rate that carries payload; 1 on links that are not this
        transport's."""
        raise NotImplementedError

    def allocate(
        self, flows: Subflows, capacity_bps: Floats, size_bytes: Floats, start_s: Floats, certify: bool
    ) -> FlowResult:
        """Run subflows of `size_bytes` payload from `start_s` on links of `capacity_bps` payload rate."""
        shares = None if (flows.shares == 1.0).all() else flows.shares
        return simulate_flows(
            flows.indptr, flows.links, capacity_bps, size_bytes, start_s=start_s, shares=shares, certify=certify
        )

    def assumptions(self) -> list[str]:
        """What a result under this transport rests on, in sentences."""
        raise NotImplementedError
