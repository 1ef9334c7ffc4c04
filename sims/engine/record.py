"""What links carry over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...fabric.errors import Fault, FlowError
from ._fluid_kernels import RUNS, Fluid
from ._meter_kernels import METER, RUN, close_meters, fill_bins
from .plan import BITS_PER_BYTE
from .validate import Floats

_ROOM = 1 << 18

MOST_BINS = 1 << 31

FOREVER_S = 1e300
"""Width of the only bin where no resolution is asked for."""


@dataclass(frozen=True)
class LinkRecord:
    """Load of links over time. Bin i covers `i * resolution_s` to `(i + 1) * resolution_s`; the last may be part idle.

    Attributes:
        parts: runs, as records (bits, more_bits, link, first, last): a row carried `bits` in bin `first`, and
            `more_bits` in each one after it until `last`.
        row: int32[links], whose runs and busy time are each link's.
        row_busy_s: float64[rows].
    """

    resolution_s: float
    parts: tuple[NDArray[np.void], ...]
    row: NDArray[np.int32]
    row_busy_s: Floats

    @property
    def bins(self) -> int:
        """How many bins there are until the last in which anything was carried."""
        return 1 + max(int(part["last"].max(initial=-1)) for part in self.parts)

    @property
    def busy_s(self) -> Floats:
        """Time with any flow on the link, float64[links]."""
        return self.row_busy_s[self.row]

    @cached_property
    def bin_bytes(self) -> Floats:
        """Bytes carried, float64[links, bins]: links * bins * 8 bytes of memory."""
        bins: Floats = np.zeros((len(self.row_busy_s), self.bins))
        for part in self.parts:
            fill_bins(part, bins)
        bins /= BITS_PER_BYTE
        return bins[self.row]

    @property
    def carried_bytes(self) -> Floats:
        """Bytes carried in all, float64[links]."""
        bits: Floats = np.zeros(len(self.row_busy_s))
        for part in self.parts:
            in_run = part["bits"] + part["more_bits"] * (part["last"] - part["first"])
            bits += np.bincount(part["link"], in_run, len(bits))
        return bits[self.row] / BITS_PER_BYTE

    def utilisation(self, capacity_bps: Floats) -> Floats:
        """Fraction of its capacity that each link carried in each bin; float64[links, bins]."""
        return self.bin_bytes * BITS_PER_BYTE / (np.asarray(capacity_bps)[:, None] * self.resolution_s)

    def of_links(self, links: NDArray[np.integer] | slice) -> LinkRecord:
        """The record of these links only."""
        return replace(self, row=self.row[links])


def check_resolution(record: float | None) -> None:
    """Refuse a resolution that is no time.

    Raises:
        FlowError: not a finite number above 0.
    """
    if record is not None and not 0 < record < np.inf:
        raise FlowError(Fault(f"{record} is not a finite time above 0", field="record"))


def refuse_too_fine(record: float | None, end_s: float) -> None:
    """Refuse a resolution that makes more bins than can be numbered.

    Raises:
        FlowError: it does, by the time `end_s`.
    """
    if record is not None and end_s / record >= MOST_BINS:
        cure = f"at least {end_s / MOST_BINS:.0e} s"
        raise FlowError(Fault(f"{record} s makes more than {MOST_BINS:,} bins", cure, field="record"))


class Recorder:
    """Meters of `n_links` links, 0 for none, and their runs, a part at a time."""

    def __init__(self, n_links: int, resolution_s: float | None) -> None:
        self.bin_s = FOREVER_S if resolution_s is None else resolution_s
        self.meters = np.zeros(n_links, METER)
        self.meters["until_s"] = self.bin_s
        self._parts: list[NDArray[np.void]] = []

    def room(self) -> NDArray[np.void]:
        """Room for more runs: untouched memory, which costs nothing yet."""
        return np.empty(2 * len(self.meters) + _ROOM if len(self.meters) else 0, RUN)

    def keep_runs(self, fluid: Fluid) -> Fluid:
        """Keep the runs so far. Returns the same state with new room."""
        self._parts.append(fluid.runs[: fluid.size[RUNS]])
        fluid.size[RUNS] = 0
        return fluid._replace(runs=self.room())

    def close(self, fluid: Fluid, row: NDArray[np.int32]) -> LinkRecord:
        """The record at the end of a run, of links metered as `row` (int32[links])."""
        close_meters(fluid)
        self.keep_runs(fluid)
        return LinkRecord(self.bin_s, tuple(self._parts), row, self.meters["busy_s"])
