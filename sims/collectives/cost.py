"""What an algorithm under a protocol costs beside the time its bytes take on the links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .loops import Loops


@dataclass(frozen=True)
class Cost:
    """`latency_s` per call, `wire` bytes on the links per byte of payload, seconds per byte of the collective's size
    that the protocol needs at least, and that pass in the accelerators' memory while the links are idle, the loops or
    the pipeline that the data goes through, and what the library itself expects of it, in seconds by size: the least
    of these is what it chooses (None: it does not have this algorithm). `cut`: the operations that a long message
    becomes."""

    protocol: str | None
    latency_s: float
    wire: float = 1.0
    ceiling_s_per_byte: float = 0.0
    memory_s_per_byte: float = 0.0
    loops: Loops | None = None
    fill: Fill | None = None
    expected_s: Callable[[float], float] | None = None
    cut: Cut | None = None

    def waiting_s(self, size_bytes: float) -> float:
        """Latency of a call of this size."""
        return self.latency_s + (self.cut.later_s(size_bytes) if self.cut else 0.0)

    def moving_s(self, size_bytes: float, busy_s_per_byte: float) -> float:
        """Time in which bytes move, when links are busy for `busy_s_per_byte`."""
        per_byte = max(busy_s_per_byte, self.ceiling_s_per_byte) + self.memory_s_per_byte
        if self.loops is not None:
            return self.loops.time_s(size_bytes, per_byte)
        return size_bytes * per_byte + (self.fill.time_s(size_bytes) if self.fill else 0.0)


@dataclass(frozen=True)
class Cut:
    """`operations` by the message's size, each of which ends before the next begins; `operation_s` is the latency of
    one."""

    operations: Callable[[float], int]
    operation_s: float

    def later_s(self, size_bytes: float) -> float:
        """Latency of the operations beyond the first."""
        return (self.operations(size_bytes) - 1) * self.operation_s


@dataclass(frozen=True)
class Fill:
    """The time until a pipeline is full: one chunk over every hop on the way. `chunk` gives the bytes of one, in each
    channel, by the message's size; `s_per_byte` is the time of all hops per byte of it."""

    chunk: Callable[[float], float]
    s_per_byte: float

    def time_s(self, size_bytes: float) -> float:
        return self.chunk(size_bytes) * self.s_per_byte
