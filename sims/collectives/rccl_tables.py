"""RCCL's tuning constants for MI300X and MI325X (gfx942) and MI355X (gfx950), read in ROCm/rccl (commit 9e22c79),
src/graph/tuning.cc and topo.h.

Per protocol in the order of PROTOCOLS; latencies in microseconds, bandwidths in GB/s. LL128 is not enabled by default
on these.
"""

from __future__ import annotations

PROTOCOLS = ("LL", "Simple")

ARCHITECTURE = {"MI300X": "gfx942", "MI325X": "gfx942", "MI355X": "gfx950"}
"""AMD's name for the generation of each accelerator of the catalogue."""

BASE_US = (12.0, 17.0)
INSIDE_US = {"ring": (0.8, 2.1), "tree": (0.9, 2.3)}
NETWORK_US = {"ring": (9.5, 25.0), "tree": (10.5, 25.0)}
"""Latencies of a step; the ring's 320 us between nodes under Simple only steer the choice (CHOICE_RING_US)."""

CHOICE_RING_US = 320.0

XGMI_GBPS = 48.0
"""What the search takes an xGMI link for."""

SHARE = {
    "ring": {"LL": (0.08, 0.08), "Simple": (1.0, 1.0)},
    "tree": {"LL": (0.06, 0.06), "Simple": (0.11, 0.59)},
}
"""bwRatio: of the bus bandwidth, on up to 2 and on more nodes."""

_LL_TREE = (*(0.1,) * 6, *(1.0,) * 5, 0.6, 1.0, 0.9, 1.0, 1.0, *(0.1,) * 11)
TREE_CORRECTION = {
    "gfx942": {
        "LL": _LL_TREE,
        "Simple": (*(0.1,) * 15, 0.7, *(1.0,) * 5, 0.7, 0.7, 0.5, 0.6, 0.6, 0.6),
    },
    "gfx950": {
        "LL": _LL_TREE,
        "Simple": (*(0.1,) * 15, 0.7, 1.0, 0.1, 0.1, 0.1, 0.9, 0.9, 0.7, 0.8, 0.6, 0.6, 0.6),
    },
}
_LL_RING = (*(0.1,) * 11, 1.0, 0.2, 1.0, 0.4, 0.4, 0.1, 0.2, 0.2, *(0.1,) * 8)
RING_CORRECTION = {
    "gfx942": {"LL": _LL_RING, "Simple": (*(0.1,) * 22, 1.0, 0.8, 1.0, 1.0, 1.0)},
    "gfx950": {"LL": _LL_RING, "Simple": (*(0.1,) * 22, 1.0, 0.8, 0.8, 1.0, 1.0)},
}
"""treeCorrectionFactor, and ringCorrectionFactor on several nodes: from 64 B on in powers of two, the last for all
that are larger."""

TREE_CHUNK_BYTES = 512 * 1024
CHANNELS = 32
"""A step of the Simple buffer, and the channels of a search (as NCCL's)."""

ALL_PAIRS_RANKS = 8
ALL_PAIRS_BYTES = (1024, 16 * 2**20)
ALL_PAIRS_SIMPLE_BYTES = 512 * 1024
"""RCCL's bundled algorithm files (msccl-algorithms): in one node of 8, between these sizes; LL below the third."""

ALL_PAIRS_ACCESSES = {"all-reduce": 7, "reduce-scatter": 5, "all-gather": 2}
"""Times that a byte from a peer is read or written in memory: the copy out of the buffer reads and writes, the sum
reads both terms and writes one (allreduce-allpairs-8n-simple.xml: steps s, r, re, s, r of each block in turn)."""

PXN_RANKS = {"gfx942": 64, "gfx950": 32}
"""From so many ranks on, messages go through the rank on the destination's rail."""
