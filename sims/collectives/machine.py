"""What a collective library sees of the machines of a communicator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.catalogue import catalogue
from ...fabric.graph import LinkKind
from ..network import Network
from .borders import border_bps
from .communicator import Communicator
from .schedule import Indices, listed


@dataclass(frozen=True)
class Machine:
    """`scaleup_gbps`: line rate of a rank's scale-up links, of which rings reach `ring_gbps`; `local` ranks in the
    largest domain, which has `nics` adapters of `nic_gbps`; `cpu`: vendor of the hosts' processors, empty if unknown;
    `efa`: the network is Amazon's. GB/s per direction."""

    generation: str
    scaleup_gbps: float
    local: int
    nics: int
    nic_gbps: float
    ring_gbps: float = 0.0
    cpu: str = ""
    efa: bool = False


def machine_of(network: Network, comm: Communicator) -> Machine:
    """The machines of these ranks, as the slowest of them is."""
    fabric, domains = network.fabric, np.repeat(np.arange(comm.domains), comm.domain_sizes)
    border = border_bps(network, comm, domains, 0) if comm.domains > 1 else np.zeros(1)
    inside = np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI))
    own, nics = fabric.endpoints[comm.ranks], _adapters(network, comm, domains)
    line, reached = (
        float(np.bincount(fabric.link_source[inside], rate[inside], fabric.nodes)[own].min()) / 8e9
        for rate in (fabric.capacity_bps, network.payload_bps)
    )
    return Machine(
        comm.generation or "",
        line,
        int(comm.domain_sizes.max()),
        nics,
        float(border.min()) / nics / 8e9,
        reached,
        _cpu(network),
        network.carrier.name == "uec" and comm.library == "nccl",
    )


def _adapters(network: Network, comm: Communicator, domain: Indices) -> int:
    """How many every domain has, at least 1."""
    ports = network.ports
    rank, step = listed(np.diff(ports.indptr)[comm.ranks])
    adapter = ports.node[ports.indptr[comm.ranks][rank] + step]
    own = np.unique(domain[rank] * network.fabric.nodes + adapter)
    return max(1, int(np.bincount(own // network.fabric.nodes, minlength=comm.domains).min()))


def _cpu(network: Network) -> str:
    known = catalogue()
    server = known.servers.get(network.fabric.meta.get("server", ""))
    cpu = known.nodes[server.parts.node].cpu if server else None
    return known.cpus[cpu].vendor if cpu else ""
