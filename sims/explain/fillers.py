"""Who fills each link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .case import Case, Floats


@dataclass(frozen=True)
class Fillers:
    """CSR by directed link: the transfers that carried bytes over it, most bytes first."""

    indptr: npt.NDArray[np.int64]
    transfer: npt.NDArray[np.int64]
    carried_bytes: Floats

    @classmethod
    def of(cls, case: Case, links: int) -> Fillers:
        flows, transfers = case.flows, len(case.size_bytes)
        key = flows.links.astype(np.int64) * transfers + flows.transfer[flows.owner]
        pair, place = np.unique(key, return_inverse=True)
        carried = np.bincount(place, case.entry_bytes, len(pair)).astype(np.float64)
        pair, carried = pair[carried > 0], carried[carried > 0]
        link, transfer = np.divmod(pair, transfers)
        order = np.lexsort((transfer, -carried, link))
        counts = np.bincount(link, minlength=links)
        return cls(np.concatenate(([0], np.cumsum(counts))), transfer[order], carried[order])

    def on(self, link: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """Transfers on a link and their bytes."""
        here = slice(self.indptr[link], self.indptr[link + 1])
        return self.transfer[here], self.carried_bytes[here]

    @property
    def used(self) -> list[int]:
        """Links that carried anything."""
        return [int(link) for link in np.flatnonzero(np.diff(self.indptr))]
