"""What an algorithm under a protocol costs beside the time its bytes take on the links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .loops import Loops


@dataclass(frozen=True)
class Cost:
    """`latency_s` per call, `wire` bytes on the links per byte of payload, seconds per byte of the collective's size
    that the protocol needs at least, the share of its rate that messages of 64 B * 2**k reach (empty: all of it), the
    loops or the pipeline that the data goes through, and what the library itself expects of it, in seconds by size:
    the least of these is what it chooses (None: it does not have this algorithm)."""

    protocol: str | None
    latency_s: float
    wire: float = 1.0
    ceiling_s_per_byte: float = 0.0
    correction: tuple[float, ...] = ()
    loops: Loops | None = None
    fill: Fill | None = None
    expected_s: Callable[[float], float] | None = None

    def moving_s(self, size_bytes: float, busy_s_per_byte: float) -> float:
        """Time in which bytes move, when links are busy for `busy_s_per_byte`."""
        share = corrected(self.correction, size_bytes)
        per_byte = max(busy_s_per_byte / share, self.ceiling_s_per_byte)
        if self.loops is not None:
            return self.loops.time_s(size_bytes, per_byte)
        return size_bytes * per_byte + (self.fill.time_s(size_bytes) if self.fill else 0.0)


@dataclass(frozen=True)
class Fill:
    """The time until a pipeline is full: one chunk over each of `hops` links of `link_s_per_byte`; chunks are at most
    `chunk_bytes`, and each of `channels` has at least one."""

    hops: int
    link_s_per_byte: float
    chunk_bytes: int
    channels: int

    def time_s(self, size_bytes: float) -> float:
        return self.hops * min(self.chunk_bytes, size_bytes / self.channels) * self.link_s_per_byte


def corrected(correction: tuple[float, ...], size_bytes: float) -> float:
    """The share for this size: of 64 B * 2**k the k-th, beyond the table all of the rate."""
    step = int(size_bytes // 64).bit_length() - 1
    return correction[step] if 0 <= step < len(correction) else 1.0
