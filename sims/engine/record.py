"""What links carry over time, read from the log that the event loop keeps."""

from __future__ import annotations

import numpy as np

from ._proof_kernels import LOAD, Log
from ._record_kernels import fold
from .validate import Floats

_ENTRIES = 1 << 18


class Recorder:
    """Sums up the log of a run, a buffer at a time; on no links it keeps no log."""

    def __init__(self, n_links: int) -> None:
        self.log = Log(np.empty(n_links + _ENTRIES if n_links else 0, LOAD), np.zeros(1, np.int64))
        self.carried_bits: Floats = np.zeros(n_links)
        self._load: Floats = np.zeros(n_links)
        self._since_s: Floats = np.zeros(n_links)

    def read_log(self) -> None:
        """Add what the log holds, and empty it."""
        fold(self.log.entries[: self.log.size[0]], self.carried_bits, self._load, self._since_s)
        self.log.size[0] = 0
