"""What NCCL adds to the network's time on NVIDIA's accelerators: the latency of an algorithm under a protocol, the
protocol's bytes on the wire, and the loops of NVLS. Constants are those of NCCL's tuner, which also chooses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from . import nccl_tables as tables
from .communicator import Communicator
from .cost import Cost
from .hops import Hops
from .loops import Loops, nvls_loops
from .machine import Machine
from .nccl_search import Channels, channels
from .nccl_tree import tree_fill
from .nccl_tuner import Setting, latency_us, ll_ceiling_gbps, offered, predicted_us, protocols, step_us

_SEND_RECV = ("send-recv", "all-to-all", "all-to-all-v", "gather", "scatter")
"""Operations that NCCL makes of sends and receives; they run under Simple, but for the smallest messages."""


def setting(comm: Communicator, machine: Machine) -> Setting:
    """What NCCL's tuner sees."""
    return Setting(machine.generation, comm.size, comm.domains, machine.cpu, comm.switched)


def costs(comm: Communicator, machine: Machine, op: str, algorithm: str, hops: Sequence[Hops]) -> tuple[Cost, ...]:
    """One per protocol that the algorithm runs on."""
    seen, path_us = setting(comm, machine), max((hop.latency_s for hop in hops), default=0.0) * 1e6
    found = channels(machine, comm.domains).get(algorithm)
    known = found is not None and offered(seen, op, algorithm, found)
    choices = []
    for protocol in protocols(algorithm):
        column = tables.PROTOCOLS.index(protocol)
        latency = latency_us(seen, op, algorithm, protocol, path_us) if known else _other_us(seen, protocol, hops)
        expected = partial(_expected_s, seen, op, algorithm, protocol, found) if found and known else None
        choices.append(
            Cost(
                protocol,
                latency * 1e-6,
                1 / _efficiency(seen, algorithm)[column],
                _ceiling_s_per_byte(seen, machine, op, algorithm, protocol),
                loops=_loops(comm, machine, algorithm),
                fill=tree_fill(seen, machine, protocol, found) if found and algorithm == "tree" else None,
                expected_s=expected,
            )
        )
    return tuple(choices)


def _expected_s(seen: Setting, op: str, algorithm: str, protocol: str, found: Channels, size_bytes: float) -> float:
    return predicted_us(seen, op, algorithm, protocol, found, size_bytes) * 1e-6


def _other_us(seen: Setting, protocol: str, hops: Sequence[Hops]) -> float:
    """Latency of an algorithm that NCCL does not have: its steps at the price of a ring's."""
    column = tables.PROTOCOLS.index(protocol)
    total = tables.BASE_US["ring"][column]
    for hop in hops:
        inside, between = step_us(seen, "ring", protocol, hop.latency_s * 1e6)
        total += hop.steps * (between if hop.crossing else inside)
    return total


def _efficiency(seen: Setting, algorithm: str) -> tuple[float, ...]:
    """Payload per byte on the wire, by protocol."""
    if algorithm == "tree":
        return tables.TREE_EFFICIENCY_ONE_NODE if seen.nodes == 1 else tables.TREE_EFFICIENCY
    return (1.0, 1.0, 1.0) if algorithm in ("nvls", "nvls-tree") else tables.RING_EFFICIENCY


def _ceiling_s_per_byte(seen: Setting, machine: Machine, op: str, algorithm: str, protocol: str) -> float:
    """What LL's ceiling of the bus bandwidth costs a ring, and NVLSTree's ceiling of a channel between two domains:
    algorithm bandwidth is n / steps of it."""
    passes = (2 if op == "all-reduce" else 1) * (seen.ranks - 1) / seen.ranks
    if algorithm == "nvls-tree" and seen.nodes == 2:
        heads = min(machine.local, tables.MAX_CHANNELS)
        return passes / (heads * tables.NVLS_TREE_GBPS[seen.generation][seen.column] * 1e9)
    if protocol != "LL" or op in _SEND_RECV or algorithm == "tree":
        return 0.0
    return passes / (ll_ceiling_gbps(seen) * 1e9)


def _loops(comm: Communicator, machine: Machine, algorithm: str) -> Loops | None:
    if algorithm not in ("nvls", "nvls-tree"):
        return None
    return nvls_loops(machine.generation, machine.local, comm.domains, machine.efa)
