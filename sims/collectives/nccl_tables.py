"""NCCL's tuning constants, read in NVIDIA/nccl 2.30.7 (commit 5067397), src/graph/tuning.cc.

Per protocol in the order of PROTOCOLS; latencies in microseconds, bandwidths in GB/s (1e9 bytes/s).
"""

from __future__ import annotations

PROTOCOLS = ("LL", "LL128", "Simple")

GENERATION = {
    "A100_SXM_80GB": "ampere",
    "H100_SXM": "hopper",
    "H200_SXM": "hopper",
    "H800_SXM": "hopper",
    "H20_SXM": "hopper",
    "GH200": "hopper",
    "B200_SXM": "blackwell",
    "B300_SXM": "blackwell",
    "GB200": "blackwell",
    "GB300": "blackwell",
}
"""NVIDIA's generation of each accelerator of the catalogue."""

BASE_US = {"tree": (6.8, 14.0, 8.4), "ring": (6.6, 14.0, 8.4), "nvls": (0.0, 0.0, 0.0)}
"""baseLatencies: once per call."""

NVLINK_US = {"tree": (0.6, 1.25, 4.0), "ring": (0.6, 1.9, 3.4), "nvls": (0.0, 0.0, 25.0)}
"""hwLatencies of a step over NVLink."""

PCI_US = {"tree": (1.0, 1.9, 4.0), "ring": (1.0, 2.5, 5.7), "nvls": (0.0, 0.0, 0.0)}
"""hwLatencies of a step over PCIe."""

NETWORK_US = {"tree": (5.0, 8.5, 14.0), "ring": (2.7, 4.0, 14.0), "nvls": (0.0, 0.0, 20.9)}
"""hwLatencies of a step over the network; NVLSTree's for nvls."""

HOST_OVERHEAD_US = (1.0, 1.0, 3.0)
"""getNetOverhead on Intel's CPUs, three times as much for Simple: least time of a ring's step on more than one
node."""

LL_MAX_GBPS = {"ampere": (87.7, 22.5, 19.0), "hopper": (141.0, 45.0, 35.0), "blackwell": (282.0, 90.0, 70.0)}
"""llMaxBws: ceiling of the bus bandwidth under LL, on 1, 2 and more nodes."""

RING_EFFICIENCY = (1 / 2, 0.92, 1.0)
"""Payload per byte on the wire in a ring: LL sends a flag with every word, LL128 one line in eight, rounded down."""

TREE_EFFICIENCY = (0.92 / 3.8, 0.92 * 120 / 128, 0.92)
"""The same in trees, on more than one node."""

TREE_EFFICIENCY_ONE_NODE = (0.92 / 3.8, 0.92 * 7 / 9, 0.92)

TREE_CORRECTION = {
    "LL": (1, 1, 1, 1, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.5, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1),
    "LL128": (1, 1, 1, 1, 1, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9, 1, 1),
    "Simple": (*(0.9,) * 7, 0.8, 0.7, 0.6, 0.6, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9),
}
"""treeCorrectionFactor: what short messages leave of a tree's bandwidth, from 64 B on in powers of two."""
