"""The software that runs collectives on a make of accelerators, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from ..network import Network
from . import nccl, rccl
from .communicator import Communicator
from .cost import Cost
from .demand import EXPERT_OPS
from .hops import Hops
from .machine import machine_of


def automatic(comm: Communicator, op: str, names: list[str]) -> list[str]:
    """What the library considers for an operation, `names` being what any does: an all-to-all goes through the rank on
    the destination's rail (PXN) where it does so, ranks that are cabled to each other may reduce in all pairs."""
    if op == "all-to-all" and "rail-aligned" in names:
        relays = comm.domains > 1 and (comm.library == "nccl" or (comm.library == "rccl" and rccl.relays(comm)))
        return ["rail-aligned" if relays else "direct"]
    if op == "all-reduce" and comm.library == "rccl" and comm.meshed and comm.domains == 1:
        return [*names, "all-pairs"]
    return names


def costs(
    network: Network, comms: Sequence[Communicator], op: str, algorithm: str, hops: Sequence[Hops]
) -> tuple[Cost, ...]:
    """One per protocol that all groups have; for groups that run at once, those of the group that waits longest. Ranks
    of a make without a modelled library pay the latency of the network alone, as do operations that no library has."""
    if op in EXPERT_OPS or any(comm.library is None for comm in comms):
        return (Cost(None, sum(hop.steps * hop.latency_s for hop in hops)),)
    per_group = [{cost.protocol: cost for cost in _own(network, comm, op, algorithm, hops)} for comm in _unlike(comms)]
    shared = [protocol for protocol in per_group[0] if all(protocol in group for group in per_group)]
    return tuple(max((group[protocol] for group in per_group), key=lambda cost: cost.latency_s) for protocol in shared)


def _unlike(comms: Sequence[Communicator]) -> list[Communicator]:
    """One of each kind that a library could tell apart."""
    kinds = {
        (comm.accelerator, comm.size, comm.domains, int(comm.domain_sizes.max()), comm.channels): comm for comm in comms
    }
    return list(kinds.values())


def _own(network: Network, comm: Communicator, op: str, algorithm: str, hops: Sequence[Hops]) -> tuple[Cost, ...]:
    library = nccl if comm.library == "nccl" else rccl
    return library.costs(comm, machine_of(network, comm), op, algorithm, hops)
