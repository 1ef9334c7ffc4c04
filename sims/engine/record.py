"""What links carry over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...fabric.errors import Fault, FlowError
from ._meter_kernels import METER, RUN, Meters, close_meters, fill_bins
from .plan import BITS_PER_BYTE
from .validate import Floats

_ROOM = 1 << 18


@dataclass(frozen=True)
class LinkRecord:
    """Load of links over time. Bin i covers `i * resolution_s` to `(i + 1) * resolution_s`; the last may be part idle.

    Attributes:
        runs: records (bits, link, first, last): in each bin from `first` up to `last` a row carried `bits`.
        row: int32[links], whose runs are each link's.
        busy_s: float64[links], time with any flow on the link.
    """

    resolution_s: float
    runs: NDArray[np.void]
    row: NDArray[np.int32]
    busy_s: Floats

    @cached_property
    def bin_bytes(self) -> Floats:
        """Bytes carried, float64[links, bins]: links * bins * 8 bytes of memory."""
        bins: Floats = np.zeros((int(self.row.max(initial=-1)) + 1, int(self.runs["last"].max(initial=0))))
        fill_bins(self.runs[self.runs["link"] < len(bins)], bins)
        bins /= BITS_PER_BYTE
        return bins[self.row]

    def utilisation(self, capacity_bps: Floats) -> Floats:
        """Fraction of its capacity that each link carried in each bin; float64[links, bins]."""
        return self.bin_bytes * BITS_PER_BYTE / (np.asarray(capacity_bps)[:, None] * self.resolution_s)

    def of_links(self, links: NDArray[np.integer] | slice) -> LinkRecord:
        """The record of these links only."""
        return replace(self, row=self.row[links], busy_s=self.busy_s[links])


def check_resolution(record: float | None) -> None:
    """Refuse a resolution that is no time.

    Raises:
        FlowError: not a finite number above 0.
    """
    if record is not None and not 0 < record < np.inf:
        raise FlowError(Fault(f"{record} is not a finite time above 0", field="record"))


class Recorder:
    """Meters of a run, and their runs, a buffer at a time. No meters of no links, no runs without a resolution."""

    def __init__(self, n_links: int, resolution_s: float | None) -> None:
        room = 2 * n_links + _ROOM if resolution_s is not None else 0
        links = np.zeros(n_links, METER)
        self.meters = Meters(links, np.empty(room, RUN), np.zeros(1, np.int64), np.array([resolution_s or 0.0]))
        self._runs: list[NDArray[np.void]] = []

    def keep_runs(self) -> None:
        """Make room for more runs."""
        size = self.meters.size
        self._runs.append(self.meters.runs[: size[0]].copy())
        size[0] = 0

    def close(self, end_s: float) -> LinkRecord:
        """The record until `end_s`."""
        self.keep_runs()
        close_meters(self.meters, end_s)
        self.keep_runs()
        row = np.arange(len(self.meters.links), dtype=np.int32)
        return LinkRecord(self.meters.bin_s[0], np.concatenate(self._runs), row, self.meters.links["busy_s"])
