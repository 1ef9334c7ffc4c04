"""NCCL's tuning constants, read in NVIDIA/nccl 2.30.7 (commit 5067397), src/graph/tuning.cc, topo.h and search.cc.

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

BASE_US = {
    "tree": (6.8, 14.0, 8.4),
    "ring": (6.6, 14.0, 8.4),
    "nvls": (0.0, 0.0, 0.0),
    "nvls-tree": (0.0, 0.0, 0.0),
    "pat": (8.0, 8.0, 8.0),
}
"""baseLatencies: once per call."""

NVLINK_US = {
    "tree": (0.6, 1.25, 4.0),
    "ring": (0.6, 1.9, 3.4),
    "nvls": (0.0, 0.0, 25.0),
    "nvls-tree": (0.0, 0.0, 25.0),
    "pat": (0.0, 0.0, 4.0),
}
"""hwLatencies of a step over NVLink."""

PCI_US = {
    "tree": (1.0, 1.9, 4.0),
    "ring": (1.0, 2.5, 5.7),
    "nvls": (0.0, 0.0, 0.0),
    "nvls-tree": (0.0, 0.0, 0.0),
    "pat": (0.0, 0.0, 4.0),
}
"""hwLatencies of a step over PCIe."""

NETWORK_US = {
    "tree": (5.0, 8.5, 14.0),
    "ring": (2.7, 4.0, 14.0),
    "nvls": (0.0, 0.0, 18.0),
    "nvls-tree": (0.0, 0.0, 20.9),
    "pat": (0.0, 0.0, 14.0),
}
"""hwLatencies of a step over the network."""

POST_US = {"GenuineIntel": 1.0, "AuthenticAMD": 2.0}
POST_OTHERS_US = 1.0
POST_FACTOR = (1.0, 1.0, 3.0)
"""getNetOverhead: least time of a ring's step on more than one node, by the vendor of the CPUs, three times as much for
Simple."""

LL_MAX_GBPS = {"ampere": 87.7, "hopper": 141.0, "blackwell": 282.0}
LL_MAX_BETWEEN_GBPS = {"AuthenticAMD": (22.5, 19.0)}
LL_MAX_BETWEEN_OTHERS_GBPS = (39.0, 20.4)
"""llMaxBws: ceiling of the bus bandwidth under LL, on one node by generation; on 2 and on more nodes by the vendor of
the CPUs."""

RING_LL128_GBPS = {"ampere": (20.0,) * 3, "hopper": (36.7,) * 3, "blackwell": (40.0,) * 3}
TREE_LL128_GBPS = {"ampere": (20.0,) * 3, "hopper": (36.7, 36.7, 29.0), "blackwell": (55.6, 31.67, 20.0)}
TREE_GBPS = {"ampere": (24.0, 23.6, 17.8), "hopper": (38.7, 41.4, 36.0), "blackwell": (70.0, 42.8, 24.0)}
NVLS_TREE_GBPS = {"ampere": (24.0, 23.6, 17.8), "hopper": (0.0, 57.7, 45.5), "blackwell": (0.0, 96.0, 80.0)}
"""perChMax...Bws: ceilings of one channel on 1, 2 and more nodes."""

NVLS_EFFICIENCY = {"ampere": 0.0, "hopper": 0.85, "blackwell": 0.74}
"""nvlsEfficiency."""

RING_EFFICIENCY = (1 / 2, 0.92, 1.0)
"""Payload per byte on the wire in a ring: LL sends a flag with every word, LL128 one line in eight, rounded down."""

TREE_EFFICIENCY = (0.92 / 3.8, 0.92 * 120 / 128, 0.92)
"""The same in trees, on more than one node."""

TREE_EFFICIENCY_ONE_NODE = (0.92 / 3.8, 0.92 * 7 / 9, 0.92)

PAT_EFFICIENCY = 0.75

TREE_CORRECTION = {
    "LL": (1, 1, 1, 1, 0.9, 0.8, 0.7, 0.7, 0.7, 0.7, 0.6, 0.5, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1),
    "LL128": (1, 1, 1, 1, 1, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.8, 0.9, 0.9, 0.9, 0.9, 1, 1),
    "Simple": (*(0.9,) * 7, 0.8, 0.7, 0.6, 0.6, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9),
}
"""treeCorrectionFactor: what short messages leave of a tree's bandwidth, from 64 B on in powers of two."""

RING_PLATEAU = {"ampere": 1.4, "hopper": 1.4, "blackwell": 1.4}
RING_PLATEAU_BYTES = 64
"""What a ring's latency is multiplied with on several nodes under Simple, from so many bytes per channel and rank."""

NVLINK_GBPS_OF_LINE = {"ampere": 20 / 25, "hopper": 20.6 / 25, "blackwell": 40.1 / 50}
"""topo.h: what the search takes an NVLink for, of its line rate."""

LADDER_INSIDE_GBPS = {
    "ampere": (40.0, 30.0, 20.0, 18.0, 15.0, 12.0, 10.0, 9.0, 7.0, 6.0, 5.0, 4.0, 3.0),
    "hopper": (60.0, 50.0, 40.0, 30.0, 24.0, 20.0, 15.0, 12.0, 11.0, 6.0, 3.0),
    "blackwell": (90.0, 80.0, 70.0, 60.0, 50.0, 45.0, 40.0, 30.0, 24.0, 20.0, 19.0, 18.0),
}
_SLOWEST = (2.4, 1.2, 0.24, 0.12)
_SLOW = (12.0, 6.0, 3.0, *_SLOWEST)
LADDER_BETWEEN_GBPS = {
    "ampere": (
        48.0,
        30.0,
        28.0,
        24.0,
        20.0,
        18.0,
        15.0,
        12.0,
        10.0,
        9.0,
        7.0,
        6.0,
        5.0,
        4.0,
        3.0,
        2.4,
        1.2,
        0.24,
        0.12,
    ),
    "hopper": (48.0, 45.0, 42.0, 40.0, 30.0, 24.0, 22.0, 20.0, 17.5, 15.0, *_SLOW),
    "blackwell": (96.0, 86.0, 80.0, 48.0, 45.1, 42.0, 40.0, 30.0, 24.0, 22.0, 20.0, 17.5, 15.0, *_SLOW),
}
"""search.cc: the rates of a channel that are tried, in one domain and between several."""

MAX_CHANNELS = 32
"""MAXCHANNELS / 2, the most that a search looks for."""
