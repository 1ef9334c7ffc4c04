"""NCCL's own cost model, by which it chooses algorithm and protocol (src/graph/tuning.cc, release 2.30.7).

    t = latency + size / bandwidth

It is made for choosing. As a stopwatch it errs: `nccl` has what time is made of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import nccl_tables as tables
from .nccl_search import Channels

DIVIDED = ("reduce-scatter", "all-gather")
ROOTED = ("broadcast", "reduce")

RUNS = {
    "ring": ("all-reduce", *DIVIDED, *ROOTED),
    "tree": ("all-reduce",),
    "nvls": ("all-reduce", *DIVIDED),
    "nvls-tree": ("all-reduce",),
    "pat": DIVIDED,
}
"""Operations that each algorithm of NCCL runs."""

_SIMPLE_ONLY = ("nvls", "nvls-tree", "pat")


@dataclass(frozen=True)
class Setting:
    """What the model sees of a communicator: `nodes` are scale-up domains, `nvlink` says what joins their ranks,
    `cpu` is the vendor of their processors."""

    generation: str
    ranks: int
    nodes: int
    cpu: str = "GenuineIntel"
    nvlink: bool = True

    @property
    def per_node(self) -> float:
        return self.ranks / self.nodes

    @property
    def column(self) -> int:
        """Of tables by 1, 2 and more nodes."""
        return min(self.nodes, 3) - 1


def protocols(algorithm: str) -> tuple[str, ...]:
    """Those it runs under."""
    return ("Simple",) if algorithm in _SIMPLE_ONLY else tables.PROTOCOLS


def offered(setting: Setting, op: str, algorithm: str, found: Channels) -> bool:
    """Whether NCCL considers it at all, without in-network reduction between nodes; NVLS takes two channels or more."""
    if op not in RUNS.get(algorithm, ()):
        return False
    if algorithm == "pat":
        return setting.nodes == setting.ranks
    if algorithm not in ("nvls", "nvls-tree"):
        return True
    reducing = tables.NVLS_EFFICIENCY[setting.generation] > 0 and found.count > 1
    return reducing and (algorithm == "nvls") == (setting.nodes == 1)


def predicted_us(setting: Setting, op: str, algorithm: str, protocol: str, found: Channels, size_bytes: float) -> float:
    """Microseconds that NCCL expects of a call of `size_bytes`."""
    bandwidth = bandwidth_gbps(setting, op, algorithm, protocol, found)
    latency = latency_us(setting, op, algorithm, protocol)
    if algorithm == "tree":
        bandwidth *= corrected(tables.TREE_CORRECTION[protocol], size_bytes)
    per_channel = size_bytes // (found.count * setting.ranks)
    plateau = per_channel >= tables.RING_PLATEAU_BYTES and setting.nodes > 1
    if algorithm == "ring" and protocol == "Simple" and op == "all-reduce" and plateau:
        latency *= tables.RING_PLATEAU[setting.generation]
    return latency + size_bytes / (1e3 * bandwidth)


def corrected(correction: tuple[float, ...], size_bytes: float) -> float:
    """The share of its bandwidth for this size: of 64 B * 2**k the k-th, beyond the table all of it."""
    step = int(size_bytes // 64).bit_length() - 1
    return correction[step] if 0 <= step < len(correction) else 1.0


def bandwidth_gbps(setting: Setting, op: str, algorithm: str, protocol: str, found: Channels) -> float:
    """Algorithm bandwidth, GB/s."""
    if algorithm in ("nvls", "nvls-tree"):
        bus = _nvls_gbps(setting, op, algorithm, found)
    else:
        bus = found.count * (found.inside_gbps if setting.nodes <= 2 else found.between_gbps)
        if algorithm == "ring":
            bus = _ring_gbps(setting, protocol, found, bus)
        elif algorithm == "tree":
            bus = _tree_gbps(setting, protocol, found, bus)
        else:
            bus *= tables.PAT_EFFICIENCY
    if algorithm != "ring" and op in DIVIDED:
        return bus
    return bus * (0.5 if algorithm == "tree" else setting.ranks / _steps(setting, op))


def _nvls_gbps(setting: Setting, op: str, algorithm: str, found: Channels) -> float:
    reused = 2 if op == "all-reduce" else (setting.per_node - 1) / setting.per_node
    efficiency = tables.NVLS_EFFICIENCY[setting.generation] * (found.count - 1) / found.count
    rate = found.inside_gbps * efficiency * reused
    if algorithm == "nvls-tree":
        between = found.between_gbps * (2 if setting.nodes <= 2 else 1)
        rate = min(rate, between, tables.NVLS_TREE_GBPS[setting.generation][setting.column])
    return found.count * rate


def _ring_gbps(setting: Setting, protocol: str, found: Channels, bus: float) -> float:
    if protocol == "LL":
        return min(ll_ceiling_gbps(setting), 0.5 * bus)
    if protocol == "LL128":
        return min(0.92 * bus, found.count * tables.RING_LL128_GBPS[setting.generation][setting.column])
    return bus


def _tree_gbps(setting: Setting, protocol: str, found: Channels, bus: float) -> float:
    bus = min(0.92 * bus, found.count * tables.TREE_GBPS[setting.generation][setting.column])
    if protocol == "LL":
        return min(bus / 3.8, ll_ceiling_gbps(setting))
    if protocol == "LL128":
        lines = 7 / 9 if setting.nodes == 1 else 120 / 128
        return min(lines * bus, found.count * tables.TREE_LL128_GBPS[setting.generation][setting.column])
    return bus


def ll_ceiling_gbps(setting: Setting) -> float:
    """Most of the bus bandwidth that LL reaches, GB/s."""
    if setting.nodes == 1:
        return tables.LL_MAX_GBPS[setting.generation]
    between = tables.LL_MAX_BETWEEN_GBPS.get(setting.cpu, tables.LL_MAX_BETWEEN_OTHERS_GBPS)
    return between[setting.column - 1]


def _steps(setting: Setting, op: str) -> int:
    if op in ROOTED:
        return setting.ranks
    return (2 if op == "all-reduce" else 1) * (setting.ranks - 1)


def latency_us(setting: Setting, op: str, algorithm: str, protocol: str, path_us: float = 0.0) -> float:
    """Latency of one call. `path_us` is what the network itself adds to a step between nodes, counted twice under
    Simple, as NCCL counts a plugin's."""
    inside, between = step_us(setting, algorithm, protocol, path_us)
    base = tables.BASE_US[algorithm][tables.PROTOCOLS.index(protocol)]
    depth = int(math.log2(setting.nodes))
    if algorithm == "ring":
        return base + _ring_us(setting, op, protocol, inside, between)
    if algorithm == "tree":
        return base + 2 * ((int(setting.per_node) - 1) * inside + depth * between)
    if algorithm == "pat":
        return base + depth * between / 3.5 + 2.8 * setting.ranks
    return base + inside + (2 * depth * between if algorithm == "nvls-tree" else 0.0)


def _ring_us(setting: Setting, op: str, protocol: str, inside: float, between: float) -> float:
    steps = _steps(setting, op)
    if op in ROOTED:
        return steps * (between if setting.nodes > 1 else inside)
    crossing = (2 if op == "all-reduce" else 1) * (setting.nodes - 1)
    if setting.nodes > 1:
        post = tables.POST_US.get(setting.cpu, tables.POST_OTHERS_US)
        inside = max(inside, post * tables.POST_FACTOR[tables.PROTOCOLS.index(protocol)])
    return (steps - crossing) * inside + crossing * between


def step_us(setting: Setting, algorithm: str, protocol: str, path_us: float) -> tuple[float, float]:
    """Latency of a step (inside a node, between nodes)."""
    column = tables.PROTOCOLS.index(protocol)
    inside = (tables.NVLINK_US if setting.nvlink else tables.PCI_US)[algorithm][column]
    between = tables.NETWORK_US["tree" if setting.per_node == 1 and algorithm == "ring" else algorithm][column]
    return inside, between + path_us * (2 if protocol == "Simple" else 1)
