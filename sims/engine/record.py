"""What links carry over time, read from the log that the event loop keeps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.errors import Fault, FlowError
from ._proof_kernels import LOAD, Log
from ._record_kernels import fold
from .plan import BITS_PER_BYTE
from .validate import Floats

_ENTRIES = 1 << 18


@dataclass(frozen=True)
class LinkRecord:
    """Load of links over time. Bin i covers `i * resolution_s` to `(i + 1) * resolution_s`; the last may be part idle.

    Attributes:
        bin_bytes: float64[links, bins], bytes carried.
        busy_s: float64[links], time with any flow on the link.
    """

    resolution_s: float
    bin_bytes: Floats
    busy_s: Floats

    def utilisation(self, capacity_bps: Floats) -> Floats:
        """Fraction of its capacity that each link carried in each bin; float64[links, bins]."""
        return self.bin_bytes * BITS_PER_BYTE / (np.asarray(capacity_bps)[:, None] * self.resolution_s)


def check_resolution(record: float | None) -> None:
    """Refuse a resolution that is no time.

    Raises:
        FlowError: not a finite number above 0.
    """
    if record is not None and not 0 < record < np.inf:
        raise FlowError(Fault(f"{record} is not a finite time above 0", field="record"))


class Recorder:
    """Sums up the log of a run, a buffer at a time. It keeps no log of no links, and no bins without a resolution."""

    def __init__(self, n_links: int, resolution_s: float | None) -> None:
        self.log = Log(np.empty(n_links + _ENTRIES if n_links else 0, LOAD), np.zeros(1, np.int64))
        self.carried_bits: Floats = np.zeros(n_links)
        self.busy_s: Floats = np.zeros(n_links)
        self.bin_bits: Floats = np.zeros((n_links, 0))
        self._resolution_s = resolution_s
        self._load: Floats = np.zeros(n_links)
        self._since_s: Floats = np.zeros(n_links)

    def read_log(self) -> None:
        """Add what the log holds, and empty it."""
        entries = self.log.entries[: self.log.size[0]]
        if self._resolution_s is not None and len(entries):
            needed = int(entries["time_s"][-1] / self._resolution_s) + 1
            added = max(needed - self.bin_bits.shape[1], 0)
            self.bin_bits = np.pad(self.bin_bits, ((0, 0), (0, added)))
        fold(
            entries, self._load, self._since_s, self.carried_bits, self.busy_s, self.bin_bits, self._resolution_s or 1.0
        )
        self.log.size[0] = 0
