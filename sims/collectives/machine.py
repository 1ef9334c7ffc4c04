"""What a collective library sees of the machines of a communicator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.catalogue import catalogue
from ...fabric.graph import LinkKind
from ..network import Network
from .borders import border_bps
from .communicator import Communicator


@dataclass(frozen=True)
class Machine:
    """`scaleup_gbps`: line rate of a rank's scale-up links; `local` ranks in the largest domain, which has `nics`
    adapters of `nic_gbps`; `cpu`: vendor of the hosts' processors, empty if unknown; `efa`: the network is Amazon's.
    GB/s per direction."""

    generation: str
    scaleup_gbps: float
    local: int
    nics: int
    nic_gbps: float
    cpu: str = ""
    efa: bool = False


def machine_of(network: Network, comm: Communicator) -> Machine:
    """The machines of these ranks, as the slowest of them is."""
    fabric, domains = network.fabric, np.repeat(np.arange(comm.domains), comm.domain_sizes)
    border = border_bps(network, comm, domains, 0) if comm.domains > 1 else np.zeros(1)
    inside = np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI))
    scaleup = np.bincount(fabric.link_source[inside], fabric.capacity_bps[inside], fabric.nodes)
    return Machine(
        comm.generation or "",
        float(scaleup[fabric.endpoints[comm.ranks]].min()) / 8e9,
        int(comm.domain_sizes.max()),
        comm.channels,
        float(border.min()) / comm.channels / 8e9,
        _cpu(network),
        network.carrier.name == "uec" and comm.library == "nccl",
    )


def _cpu(network: Network) -> str:
    known = catalogue()
    server = known.servers.get(network.fabric.meta.get("server", ""))
    cpu = known.nodes[server.parts.node].cpu if server else None
    return known.cpus[cpu].vendor if cpu else ""
