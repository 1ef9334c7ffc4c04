"""What RCCL adds to the network's time on AMD's accelerators: latencies and the share of the bandwidth that LL reaches,
from the constants of its tuner, which also chooses; all-pairs in one node by its bundled algorithm files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...fabric.catalogue import catalogue
from . import rccl_tables as tables
from .communicator import Communicator
from .cost import Cost, Fill
from .hops import Hops
from .machine import Machine

_CHOSEN = ("ring", "tree")


@dataclass(frozen=True)
class _Call:
    """`op` by one algorithm under the protocol of this column of the tables."""

    comm: Communicator
    machine: Machine
    op: str
    algorithm: str
    column: int

    @property
    def protocol(self) -> str:
        return tables.PROTOCOLS[self.column]

    @property
    def bus_gbps(self) -> float:
        """What RCCL takes for the bus bandwidth: in one node 7 rings of 8 ranks; between nodes 8 open ones, or the
        adapters."""
        machine = self.machine
        if self.comm.domains == 1:
            return tables.XGMI_GBPS * (machine.local - 1)
        return min(tables.XGMI_GBPS * machine.local, machine.nics * machine.nic_gbps)

    @property
    def algbw_gbps(self) -> float:
        """Algorithm bandwidth on RCCL's table, GB/s: half of the bus's for trees, n / steps for rings."""
        share = tables.SHARE[self.algorithm][self.protocol][self.comm.domains > 2]
        return self.bus_gbps * share / (2.0 if self.algorithm == "tree" else self.passes)

    @property
    def passes(self) -> float:
        return (2 if self.op == "all-reduce" else 1) * (self.comm.size - 1) / self.comm.size

    def latency_us(self, crossing_us: float) -> float:
        """Latency of the call when a step between nodes takes `crossing_us`."""
        comm, column = self.comm, self.column
        inside = tables.INSIDE_US[self.algorithm][column]
        if self.algorithm == "tree":
            chain, depth = int(comm.domain_sizes.max()) - 1, int(math.log2(comm.domains))
            return tables.BASE_US[column] + 2 * (chain * inside + depth * crossing_us)
        passes = 2 if self.op == "all-reduce" else 1
        crossing = passes * (comm.domains - 1)
        return tables.BASE_US[column] + (passes * (comm.size - 1) - crossing) * inside + crossing * crossing_us


def relays(comm: Communicator) -> bool:
    """Whether messages between nodes go through the rank on the destination's rail (rccl_wrap.cc, rcclSetPxn)."""
    return comm.size >= tables.PXN_RANKS[comm.generation or ""]


def costs(comm: Communicator, machine: Machine, op: str, algorithm: str, hops: Sequence[Hops]) -> tuple[Cost, ...]:
    """One per protocol that the algorithm runs on."""
    path_us = max((hop.latency_s for hop in hops), default=0.0) * 1e6
    calls = [_Call(comm, machine, op, algorithm, column) for column in range(len(tables.PROTOCOLS))]
    if algorithm == "all-pairs":
        return tuple(_all_pairs(call, hops) for call in calls)
    if algorithm not in _CHOSEN:
        return tuple(Cost(call.protocol, _other_us(call.column, hops) * 1e-6, _wire(call.column)) for call in calls)
    one_node = comm.domains == 1 and algorithm == "tree"
    return tuple(_chosen(call, path_us) for call in calls if not (one_node and call.protocol == "Simple"))


def _chosen(call: _Call, path_us: float) -> Cost:
    """Of an algorithm that RCCL's tuner knows."""
    column = call.column
    step_us = tables.NETWORK_US[call.algorithm][column] + path_us * (column + 1)
    simple = call.protocol == "Simple"
    return Cost(
        call.protocol,
        call.latency_us(step_us) * 1e-6,
        _wire(column),
        0.0 if simple else 1e-9 / call.algbw_gbps,
        fill=_fill(call) if simple and call.algorithm == "tree" else None,
        expected_s=partial(_expected_s, call),
    )


def _fill(call: _Call) -> Fill:
    """The chains inside both nodes and the way between them, up and down."""
    hops = 2 * (call.machine.local - 1 + math.ceil(math.log2(call.comm.domains)))
    link_gbps = call.machine.scaleup_gbps / max(1, call.machine.local - 1)
    return Fill(_tree_chunk_bytes, hops * 1e-9 / link_gbps)


def _tree_chunk_bytes(size_bytes: float) -> float:
    return min(tables.TREE_CHUNK_BYTES, size_bytes / tables.CHANNELS)


def _expected_s(call: _Call, size_bytes: float) -> float:
    """What RCCL's tuner expects."""
    crossing = tables.NETWORK_US[call.algorithm][call.column]
    if call.algorithm == "ring" and call.protocol == "Simple":
        crossing = tables.CHOICE_RING_US
    corrections = tables.TREE_CORRECTION if call.algorithm == "tree" else tables.RING_CORRECTION
    table = corrections[call.machine.generation][call.protocol]
    share = 1.0
    if size_bytes >= 64 and (call.algorithm == "tree" or call.comm.domains > 1):
        share = table[min(int(size_bytes // 64).bit_length() - 1, len(table) - 1)]
    return call.latency_us(crossing) * 1e-6 + size_bytes / (call.algbw_gbps * share * 1e9)


def _all_pairs(call: _Call, hops: Sequence[Hops]) -> Cost:
    """Chosen by size alone, LL for the smaller half of the sizes."""
    smallest, largest = tables.ALL_PAIRS_BYTES
    if call.protocol == "LL":
        largest = tables.ALL_PAIRS_SIMPLE_BYTES
    else:
        smallest = tables.ALL_PAIRS_SIMPLE_BYTES
    bundled = call.comm.size == tables.ALL_PAIRS_RANKS and call.op == "all-reduce"
    return Cost(
        call.protocol,
        _other_us(call.column, hops) * 1e-6,
        _wire(call.column),
        memory_s_per_byte=_copying_s_per_byte(call) if call.protocol == "Simple" else 0.0,
        expected_s=partial(_forced_s, smallest, largest, bundled),
    )


def _copying_s_per_byte(call: _Call) -> float:
    """In all pairs a block of threads first sends, then copies what has come out of its buffer, then adds, one after
    the other: what a rank gets from its peers passes through its memory."""
    hbm = catalogue().accelerators[call.comm.accelerator].hbm_tbps
    received = (call.comm.size - 1) / call.comm.size
    return tables.ALL_PAIRS_ACCESSES[call.op] * received / (hbm.value * 1e12) if hbm else 0.0


def _forced_s(smallest: int, largest: int, bundled: bool, size_bytes: float) -> float:
    inside = smallest <= size_bytes < largest + (largest == tables.ALL_PAIRS_BYTES[1])
    return 0.0 if bundled and inside else math.inf


def _other_us(column: int, hops: Sequence[Hops]) -> float:
    """Latency of an algorithm that the tuner does not know: its steps at the price of a ring's."""
    inside, between = tables.INSIDE_US["ring"][column], tables.NETWORK_US["ring"][column]
    paths_us = sum(hop.steps * hop.latency_s * hop.crossing for hop in hops) * 1e6 * (column + 1)
    return tables.BASE_US[column] + paths_us + sum(hop.steps * (between if hop.crossing else inside) for hop in hops)


def _wire(column: int) -> float:
    """Bytes on the wire per byte of payload: LL sends a flag with every word."""
    return 2.0 if tables.PROTOCOLS[column] == "LL" else 1.0
