"""What a kernel's network stack costs: a core's time per byte copied and per segment handled, and the latency of two
ends.

Cai et al., "Understanding Host Network Stack Overheads", SIGCOMM 2021, section 3.1: a core with every offload (TSO,
GRO, jumbo frames, steering) receives 42 Gbit/s, and spends about half of its time on the copy to the application.
General knowledge of the paper; the other half is counted per segment of 64 KiB.
"""

from __future__ import annotations

from dataclasses import dataclass

CORE_BPS = 42e9
COPY_SHARE = 0.5
SEGMENT_BYTES = 64 * 1024
COPY_BYTES_PER_S = CORE_BPS / 8 / COPY_SHARE
SEGMENT_S = (1 - COPY_SHARE) * SEGMENT_BYTES * 8 / CORE_BPS


@dataclass(frozen=True)
class HostStack:
    """`copies` of every byte by the receiving core, each at `copy_bytes_per_s`, and `segment_s` of its time per segment
    of `segment_bytes`."""

    copies: int = 1
    copy_bytes_per_s: float = COPY_BYTES_PER_S
    segment_bytes: float = SEGMENT_BYTES
    segment_s: float = SEGMENT_S

    @property
    def core_bps(self) -> float:
        """Payload that one core keeps up with."""
        return 8 / (self.copies / self.copy_bytes_per_s + self.segment_s / self.segment_bytes)
