"""What NCCL adds to the network's time on NVIDIA's accelerators: the latency of an algorithm under a protocol and the
protocol's bytes on the wire. The formulas are those of NCCL's tuner (src/graph/tuning.cc, release 2.30.7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..transports import SWITCH
from . import nccl_tables as tables
from .communicator import Communicator
from .schedule import Traffic

_SIMPLE_ONLY = ("nvls", "nvls-tree")

_TUNED = {
    "ring": ("all-reduce", "reduce-scatter", "all-gather"),
    "tree": ("all-reduce",),
    "nvls": ("all-reduce",),
    "nvls-tree": ("all-reduce",),
    "hierarchical": ("all-reduce",),
}
"""The algorithms and operations with a formula, NCCL's tuner's or one made of it; others pay its ring's constants step
by step."""


@dataclass(frozen=True)
class Cost:
    """An algorithm under a protocol: `latency_s` per call, `wire` bytes on the links per byte of payload, seconds per
    byte of the collective's size that the protocol needs at least, and the share of a tree's rate that messages of 64
    B * 2**k reach (empty: all of it)."""

    protocol: str | None
    latency_s: float
    wire: float = 1.0
    ceiling_s_per_byte: float = 0.0
    correction: tuple[float, ...] = ()


@dataclass(frozen=True)
class Steps:
    """Messages of a schedule that wait for one another, `inside` domains and `between` them."""

    inside: int = 0
    between: int = 0

    @staticmethod
    def of(comm: Communicator, schedule: Sequence[Traffic]) -> Steps:
        domain = np.full(int(comm.ranks.max()) + 1, -1)
        domain[comm.ranks] = np.repeat(np.arange(comm.domains), comm.domain_sizes)
        crossing = [
            phase.routes is not None
            or bool(((domain[phase.src] != domain[phase.dst]) & (phase.src != SWITCH) & (phase.dst != SWITCH)).any())
            for phase in schedule
        ]
        between = sum(phase.steps for phase, crosses in zip(schedule, crossing, strict=True) if crosses)
        return Steps(sum(phase.steps for phase in schedule) - between, between)


def costs(
    comm: Communicator, op: str, algorithm: str, path_latency_s: float, steps: Steps = Steps()
) -> tuple[Cost, ...]:
    """One per protocol that the algorithm runs on; `path_latency_s` is that of the network between two domains,
    `steps` are those of an algorithm without a formula of its own."""
    protocols = ("Simple",) if algorithm in _SIMPLE_ONLY else tables.PROTOCOLS
    return tuple(
        Cost(
            protocol,
            latency_us(comm, op, algorithm, protocol, path_latency_s * 1e6, steps) * 1e-6,
            1.0 if algorithm in _SIMPLE_ONLY else 1 / _efficiency(comm, algorithm, protocol),
            _ceiling_s_per_byte(comm, op, algorithm) if protocol == "LL" else 0.0,
            tables.TREE_CORRECTION[protocol] if algorithm == "tree" else (),
        )
        for protocol in protocols
    )


def latency_us(
    comm: Communicator, op: str, algorithm: str, protocol: str, path_latency_us: float, steps: Steps = Steps()
) -> float:
    """Latency of one call; the network's own latency comes to every step between domains, twice under Simple, as NCCL
    counts a plugin's."""
    n, nodes = comm.size, comm.domains
    if op not in _TUNED.get(algorithm, ()):
        inside, between = _step_us(comm, "ring", protocol, path_latency_us)
        return _base_us("ring", protocol) + steps.inside * inside + steps.between * between
    if algorithm == "hierarchical":
        return _hierarchical_us(comm, protocol, path_latency_us)
    if algorithm == "tree":
        inside, between = _step_us(comm, "tree", protocol, path_latency_us)
        chain = int(comm.domain_sizes.max()) - 1
        return _base_us("tree", protocol) + 2 * (chain * inside + int(math.log2(nodes)) * between)
    if algorithm in _SIMPLE_ONLY:
        inside, between = _step_us(comm, "nvls", protocol, path_latency_us)
        return inside + (2 * int(math.log2(nodes)) * between if algorithm == "nvls-tree" else 0.0)
    passes = 2 if op == "all-reduce" else 1
    return _ring_us(comm, protocol, passes * (n - 1), passes * (nodes - 1), path_latency_us)


def _ring_us(comm: Communicator, protocol: str, steps: int, between_domains: int, path_latency_us: float) -> float:
    inside, between = _step_us(comm, "ring", protocol, path_latency_us)
    if comm.domains > 1:
        inside = max(inside, tables.HOST_OVERHEAD_US[tables.PROTOCOLS.index(protocol)])
    return _base_us("ring", protocol) + (steps - between_domains) * inside + between_domains * between


def _hierarchical_us(comm: Communicator, protocol: str, path_latency_us: float) -> float:
    """Three calls: reduce-scatter inside, a ring of single ranks between the domains, all-gather inside."""
    inside, _ = _step_us(comm, "ring", protocol, path_latency_us)
    _, between = _step_us(comm, "tree", protocol, path_latency_us)
    local, calls = int(comm.domain_sizes.max()), 0
    steps = 0.0
    if local > 1:
        calls, steps = 2, 2 * (local - 1) * inside
    if comm.domains > 1:
        calls, steps = calls + 1, steps + 2 * (comm.domains - 1) * between
    return calls * _base_us("ring", protocol) + steps


def _base_us(algorithm: str, protocol: str) -> float:
    return tables.BASE_US[algorithm][tables.PROTOCOLS.index(protocol)]


def _step_us(comm: Communicator, algorithm: str, protocol: str, path_latency_us: float) -> tuple[float, float]:
    """Latency of a step (inside a domain, between domains)."""
    column = tables.PROTOCOLS.index(protocol)
    inside = (tables.NVLINK_US if comm.switched else tables.PCI_US)[algorithm][column]
    single_ranks = comm.size == comm.domains
    between = tables.NETWORK_US["tree" if single_ranks and algorithm == "ring" else algorithm][column]
    return inside, between + path_latency_us * (2 if protocol == "Simple" else 1)


def _efficiency(comm: Communicator, algorithm: str, protocol: str) -> float:
    column = tables.PROTOCOLS.index(protocol)
    if algorithm != "tree":
        return tables.RING_EFFICIENCY[column]
    return (tables.TREE_EFFICIENCY_ONE_NODE if comm.domains == 1 else tables.TREE_EFFICIENCY)[column]


def _ceiling_s_per_byte(comm: Communicator, op: str, algorithm: str) -> float:
    """What LL's ceiling of the bus bandwidth costs: algorithm bandwidth is half of it for trees, n / steps for
    rings."""
    generation = comm.generation
    if generation is None or op not in _TUNED.get(algorithm, ()):
        return 0.0
    ceiling = tables.LL_MAX_GBPS[generation][min(comm.domains, 3) - 1] * 1e9
    passes = 2 if op == "all-reduce" else 1
    per_byte = 2.0 if algorithm == "tree" else passes * (comm.size - 1) / comm.size
    return per_byte / ceiling
