"""The pipeline of NCCL's trees: chunks go through a chain in every domain and a tree between them, up and down.

Until its first chunk has come all the way a channel does not run at its rate. Chunks are a step of the protocol's
buffer, and under LL128 shrink with the message (NVIDIA/nccl 2.30.7, src/enqueue.cc, calcCollChunking).
"""

from __future__ import annotations

from functools import partial

from . import nccl_tables as tables
from .cost import Fill
from .machine import Machine
from .nccl_search import Channels
from .nccl_tuner import Setting

_KIB = 1024

STEP_BYTES = {"LL": 32 * _KIB, "LL128": 600 * _KIB // 16 * 15, "Simple": 512 * _KIB}
"""Payload of a step: an eighth of the buffers of 512 KiB, 4800 KiB and 4 MiB; half of it is data under LL, 15 bytes of
16 under LL128."""

WIRE = {"LL": 2.0, "LL128": 16 / 15, "Simple": 1.0}
"""Bytes on a link per byte of payload."""

LL128_HALVED = ((64, 128 * _KIB), (16, 32 * _KIB))
"""A chunk larger than the second is halved while a channel has fewer than the first times as many as the tree has
steps, per rank of a domain."""


def tree_fill(seen: Setting, machine: Machine, protocol: str, found: Channels) -> Fill:
    """Every channel of the search makes two. At the start those of a domain are at as many places of their chains as
    it has ranks, but all reach the adapters at once."""
    channels, depth = 2 * found.count, (seen.nodes - 1).bit_length()
    ceilings = tables.TREE_LL128_GBPS if protocol == "LL128" else tables.TREE_GBPS
    inside = min(ceilings[seen.generation][0], machine.ring_gbps * machine.local / channels)
    hops = (machine.local - 1) / inside if machine.local > 1 else 0.0
    hops += depth * channels / (machine.nics * machine.nic_gbps) if depth else 0.0
    chunk = partial(chunk_bytes, protocol, channels, seen.nodes, machine.local)
    return Fill(chunk, 2e-9 * hops * WIRE[protocol])


def chunk_bytes(protocol: str, channels: int, domains: int, local: int, size_bytes: float) -> float:
    """Payload of one chunk of a channel, which is at most all of the channel's data."""
    chunk = float(STEP_BYTES[protocol])
    if protocol == "LL128":
        steps = (domains.bit_length() + 0.1 * local) / local
        for times, least in LL128_HALVED:
            while size_bytes // (channels * chunk) < times * steps and chunk > least:
                chunk /= 2
    return min(chunk, size_bytes / channels)
