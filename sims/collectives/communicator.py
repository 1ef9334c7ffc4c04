"""A communicator: ranks that work together, and how they sit in scale-up domains and on rails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, WorkloadError
from ...fabric.routing.ports import direct_links
from ..network import Network
from . import nccl_tables, rccl_tables
from .mesh import zigzag

Ranks = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Communicator:
    """Ranks sorted by domain, in the order given within each: those of domain d are `ranks[indptr[d]:indptr[d + 1]]`.

    A domain is what NCCL calls a node: ranks joined by scale-up links, or a single rank without any. `starts[d,
    c]` is the local index at which channel c enters domain d: one channel per NIC that every domain has.
    `accelerator` is the catalogue's name when all ranks are of one kind, else empty; `switched` says that NVSwitches
    join each domain, `meshed` that the ranks of each are all cabled to each other, `tiered` that NVSwitches do so in
    two tiers. `turn`: its place among groups that run at once, by which they take turns at what a network has several
    of.
    """

    ranks: Ranks
    indptr: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    accelerator: str
    switched: bool
    meshed: bool = False
    tiered: bool = False
    turn: int = 0

    @staticmethod
    def of(network: Network, ranks: npt.ArrayLike) -> Communicator:
        """Raises WorkloadError: fewer than two ranks, one outside the fabric, one listed twice."""
        listed = checked_ranks(np.asarray(ranks), network.fabric.ranks)
        domain = network.domains[listed].astype(np.int64)
        apart = np.where(domain >= 0, domain, -1 - np.arange(len(listed)))
        _, first, inverse = np.unique(apart, return_index=True, return_inverse=True)
        number = np.argsort(np.argsort(first))[inverse]
        order = np.argsort(number, kind="stable")
        indptr = np.concatenate(([0], np.cumsum(np.bincount(number))))
        listed = listed[order]
        starts = _starts(_nics(network, listed), indptr)
        switched = bool((network.nvlink.domains.domain[listed] >= 0).all())
        meshed = not switched and _meshed(network, listed, indptr)
        tiered = switched and network.nvlink.domains.tiered
        return Communicator(listed, indptr, starts, _accelerator(network, listed), switched, meshed, tiered)

    @staticmethod
    def side_by_side(network: Network, groups: Sequence[npt.ArrayLike]) -> list[Communicator]:
        """One per group of ranks, in turn. Raises WorkloadError as `of` does."""
        return [replace(Communicator.of(network, ranks), turn=turn) for turn, ranks in enumerate(groups)]

    @property
    def size(self) -> int:
        return len(self.ranks)

    @property
    def domains(self) -> int:
        return len(self.indptr) - 1

    @property
    def domain_sizes(self) -> npt.NDArray[np.int64]:
        return np.diff(self.indptr)

    @property
    def channels(self) -> int:
        return self.starts.shape[1]

    @property
    def equal_domains(self) -> bool:
        return bool((self.domain_sizes == self.domain_sizes[0]).all())

    @property
    def grid(self) -> Ranks:
        """Ranks as [domain, local index]. Only for equal domains."""
        return self.ranks.reshape(self.domains, -1)

    @property
    def generation(self) -> str | None:
        """The generation of the accelerators, as the library of their vendor names it; None where none is modelled."""
        return nccl_tables.GENERATION.get(self.accelerator) or rccl_tables.ARCHITECTURE.get(self.accelerator)

    @property
    def library(self) -> str | None:
        """Whose collectives run on these accelerators: `nccl`, `rccl`, or None where neither does."""
        if self.generation is None:
            return None
        return "nccl" if self.accelerator in nccl_tables.GENERATION else "rccl"

    def walk(self, channel: int, domain: npt.NDArray[np.int64], step: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions that a channel comes to on its way through domains, so many steps from where it starts: rank by
        rank, or to and fro over all cables where the ranks are cabled to each other."""
        way = zigzag(step) if self.meshed else step
        return self.indptr[domain] + (self.starts[domain, channel] + way) % self.domain_sizes[domain]


def checked_ranks(ranks: npt.NDArray[Any], limit: int) -> Ranks:
    """Raises WorkloadError: fewer than two ranks, one outside 0..limit - 1, one listed twice."""
    faults = []
    if ranks.ndim != 1 or len(ranks) < 2 or ranks.dtype.kind not in "iu":
        raise WorkloadError("a collective needs a list of two ranks or more", "give more ranks, or a larger fabric")
    outside = ranks[(ranks < 0) | (ranks >= limit)]
    if len(outside):
        faults.append(Fault(f"rank {outside[0]} is outside 0..{limit - 1}", "count endpoints from 0", field="ranks"))
    values, counts = np.unique(ranks, return_counts=True)
    if counts.max() > 1:
        faults.append(Fault(f"rank {values[counts.argmax()]} is listed twice", "list each rank once", field="ranks"))
    if faults:
        raise WorkloadError(faults)
    return ranks.astype(np.int32)


def _meshed(network: Network, ranks: Ranks, indptr: npt.NDArray[np.int64]) -> bool:
    """Whether a cable joins each two ranks of every domain, and any domain has two."""
    if len(indptr) > len(ranks):
        return False
    cables = direct_links(network.fabric)
    pairs = [np.meshgrid(ranks[a:b], ranks[a:b]) for a, b in pairwise(indptr)]
    one, other = (np.concatenate([pair[end].ravel() for pair in pairs]) for end in (0, 1))
    return bool((cables.between(one, other)[1] > 0)[one != other].all())


def _starts(nics: Ranks, indptr: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Local index of the first rank of each NIC, for as many NICs as every domain has."""
    new = np.ones(len(nics), dtype=bool)
    new[1:] = (nics[1:] != nics[:-1]) | (nics[1:] < 0)
    new[indptr[:-1]] = True
    found = np.flatnonzero(new)
    first = np.searchsorted(found, indptr)
    channels = np.diff(first).min()
    return found[first[:-1, None] + np.arange(channels)] - indptr[:-1, None]


def _nics(network: Network, ranks: Ranks) -> Ranks:
    """The first NIC of each rank, -1 for a rank without one."""
    ports = network.ports
    has = np.diff(ports.indptr)[ranks] > 0
    nics = np.full(len(ranks), -1, dtype=np.int32)
    nics[has] = ports.node[ports.indptr[ranks[has]]]
    return nics


def _accelerator(network: Network, ranks: Ranks) -> str:
    devices = network.fabric.meta.get("devices", ())
    kinds = np.unique(network.fabric.column("device")[network.fabric.endpoints[ranks]])
    name = devices[kinds[0]] if len(kinds) == 1 and 0 <= kinds[0] < len(devices) else ""
    return name if name in catalogue().accelerators else ""
