"""Who fills each link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .case import Case, Floats


@dataclass(frozen=True)
class Fillers:
    """CSR by directed link and lane: the transfers that carried bytes over it, most bytes first."""

    indptr: npt.NDArray[np.int64]
    transfer: npt.NDArray[np.int64]
    carried_bytes: Floats

    @classmethod
    def of(cls, case: Case, links: int) -> Fillers:
        flows, transfers = case.flows, len(case.size_bytes)
        key = case.channels * transfers + flows.transfer[flows.owner]
        pair, place = np.unique(key, return_inverse=True)
        carried = np.bincount(place, case.entry_bytes, len(pair)).astype(np.float64)
        pair, carried = pair[carried > 0], carried[carried > 0]
        channel, transfer = np.divmod(pair, transfers)
        order = np.lexsort((transfer, -carried, channel))
        counts = np.bincount(channel, minlength=links * case.lanes)
        return cls(np.concatenate(([0], np.cumsum(counts))), transfer[order], carried[order])

    def on(self, channel: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """Transfers on a lane of a link and their bytes."""
        here = slice(self.indptr[channel], self.indptr[channel + 1])
        return self.transfer[here], self.carried_bytes[here]

    @property
    def used(self) -> list[int]:
        """Links and lanes that carried anything."""
        return [int(channel) for channel in np.flatnonzero(np.diff(self.indptr))]
