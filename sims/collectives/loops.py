"""The loops in which NVLS moves its data: in each, every channel hands one chunk to every head.

    t = (S / L + 1) (t0 + L / rate),   L = channels * heads * chunk

Chunks shrink with the message (NVIDIA/nccl 2.30.7, src/enqueue.cc, calcCollChunking; nvlsChunkSize of
src/transport/nvls.cc); the one loop more fills the pipeline. `t0` is a step of synchronisation, see LOOP_S.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024

CHUNK_BYTES = 128 * KIB
EFA_CHUNK_BYTES = 512 * KIB
"""NCCL_NVLS_CHUNKSIZE: NCCL's default, and what the plugin for Amazon's EFA sets."""

MAX_HEADS = 32
"""NCCL_MAX_NVLS_ARITY."""

MANY_DOMAINS = 4
MANY_DOMAINS_CHUNK_BYTES = 64 * KIB
"""NVLSTree's largest chunk from so many domains on."""

NVLS_STEPS = ((64, 64 * KIB), (8, 32 * KIB), (2, 16 * KIB))
NVLS_TREE_STEPS = ((32, 256 * KIB), (16, 128 * KIB), (4, 64 * KIB), (1, 32 * KIB))
"""(so many times channels * heads * chunk, or more, keep the chunk; below it is at most this one)."""

CHANNELS = {"hopper": 16, "blackwell": 24}
CHANNELS_BETWEEN = {"hopper": 16, "blackwell": 32}
"""In one domain, and between several."""

LOOP_S = 3.7e-6
"""t0: what NCCL's tuner takes for a step over NVLink that scatters, reduces and gathers under Simple (hwLatencies of
CollNetDirect, whose stages NVLS has)."""


@dataclass(frozen=True)
class Loops:
    """`width`: chunks that are under way in one loop, channels * heads. `loop_s` is t0 (0: hidden behind other
    work)."""

    width: int
    chunk_bytes: int
    steps: tuple[tuple[int, int], ...]
    loop_s: float

    def chunk(self, size_bytes: float) -> int:
        """Bytes of a chunk for a message of this size."""
        chunk = self.chunk_bytes
        for times, smaller in self.steps:
            if chunk > smaller and size_bytes < times * self.width * chunk:
                chunk = smaller
        return chunk

    def time_s(self, size_bytes: float, s_per_byte: float) -> float:
        """Time of a message where endless ones take `s_per_byte` in loops of the largest chunk."""
        endless = max(0.0, s_per_byte - self.loop_s / (self.width * self.chunk_bytes))
        loop_bytes = self.width * self.chunk(size_bytes)
        return (size_bytes / loop_bytes + 1) * (self.loop_s + loop_bytes * endless)


def nvls_loops(generation: str, local: int, domains: int, efa: bool) -> Loops:
    """Of NVLS in one domain of `local` ranks, or of NVLSTree over several."""
    heads = min(local, MAX_HEADS)
    chunk = EFA_CHUNK_BYTES if efa else CHUNK_BYTES
    if domains == 1:
        return Loops(CHANNELS[generation] * heads, chunk, NVLS_STEPS, LOOP_S)
    chunk = min(chunk, MANY_DOMAINS_CHUNK_BYTES) if domains >= MANY_DOMAINS else chunk
    return Loops(CHANNELS_BETWEEN[generation] * heads, chunk, NVLS_TREE_STEPS, 0.0)
