"""Putting servers into a fabric: accelerators, NVSwitches, adapters, and the cables inside."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..fabric.builder import FabricBuilder, numbered
from ..fabric.catalogue import ServerKind, catalogue
from ..fabric.graph import Ids, LinkKind, NodeKind


@dataclass
class Devices:
    """Names of catalogue entries, in the order they were first used; the node column `device` indexes them."""

    names: list[str] = field(default_factory=list)

    def index(self, name: str | None) -> int:
        """Where the name stands; -1 for a device without one."""
        if name is None:
            return -1
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


@dataclass(frozen=True)
class Population:
    """`nodes` servers of one kind, each with `gpus` accelerators and `nics` adapters in use, adapter i on rail
    i mod `rails` (0: no rails)."""

    kind: ServerKind
    nodes: int
    gpus: int
    nics: int
    nic_device: str | None = None
    rails: int = 0


@dataclass(frozen=True)
class Servers:
    """Node ids, as arrays [server, local number]."""

    gpus: Ids
    nvswitches: Ids
    nics: Ids


def place_servers(
    builder: FabricBuilder,
    population: Population,
    devices: Devices,
    nic_position: npt.ArrayLike | None,
    pod: npt.ArrayLike = -1,
) -> Servers:
    """Add the nodes of all servers. `nic_position` [nodes, nics]: adapters' positions in the tree, None where the
    network is none; `pod` [nodes]."""
    kind, nodes = population.kind, population.nodes
    pod = np.broadcast_to(np.asarray(pod), (nodes,))

    def put(what: NodeKind, prefix: str, count: int, device: str | None, **columns: npt.ArrayLike) -> Ids:
        server = np.repeat(np.arange(nodes), count)
        local = np.tile(np.arange(count), nodes)
        names = numbered(prefix + "-{}-{}", server, local)
        number = devices.index(device)
        ids = builder.add_nodes(what, names, server=server, device=number, pod=np.repeat(pod, count), **columns)
        return ids.reshape(nodes, count)

    gpus = put(NodeKind.ACCELERATOR, "gpu", population.gpus, kind.accelerator)
    nvswitches = put(NodeKind.NVSWITCH, "nvswitch", len(kind.nvswitches), None)
    tree: dict[str, npt.ArrayLike] = {}
    if nic_position is not None:
        tree = {"level": 0, "first": np.asarray(nic_position).ravel(), "span": 1}
    nics = put(NodeKind.NIC, "nic", population.nics, population.nic_device, **tree)
    return Servers(gpus, nvswitches, nics)


def cable_servers(
    builder: FabricBuilder, population: Population, servers: Servers, nvlink_ns: int | None = None
) -> None:
    """Add the scale-up links - NVLink bundles, each accelerator to each NVSwitch, or each accelerator to each other -
    and the buses between accelerators and adapters.

    `nvlink_ns`: latency of an NVLink; the catalogue's where None.
    """
    kind = population.kind
    mesh_accelerators(builder, servers.gpus, kind.nvlink_bps, _latency_ns("xgmi"), kind.peer_links)
    widths = np.array(kind.nvswitches)
    shape = (population.nodes, population.gpus, len(widths))
    width = np.broadcast_to(widths, shape).ravel()
    builder.add_cables(
        np.broadcast_to(servers.gpus[:, :, None], shape).ravel(),
        np.broadcast_to(servers.nvswitches[:, None, :], shape).ravel(),
        width * kind.nvlink_bps,
        _latency_ns("nvlink") if nvlink_ns is None else nvlink_ns,
        LinkKind.NVLINK,
        width=width,
    )
    if population.nics:
        gpu, nic = bus_pairs(population.gpus, population.nics)
        builder.add_cables(
            servers.gpus[:, gpu].ravel(),
            servers.nics[:, nic].ravel(),
            kind.pcie_bps,
            _latency_ns("pcie"),
            LinkKind.PCIE,
            rail=np.tile(nic % population.rails, population.nodes) if population.rails else -1,
        )


def mesh_accelerators(builder: FabricBuilder, gpus: Ids, link_bps: float, hop_ns: int, links: int = 1) -> None:
    """Add a bundle of `links` cables between each two accelerators of each row of `gpus`."""
    if links:
        one, other = np.triu_indices(gpus.shape[1], 1)
        ends = gpus[:, one].ravel(), gpus[:, other].ravel()
        builder.add_cables(*ends, links * link_bps, hop_ns, LinkKind.XGMI, width=links)


def rail_positions(nodes: int, nics: int, rails: int) -> npt.NDArray[np.int64]:
    """Tree position of each adapter [nodes, nics], rail by rail: adapter i is port i // rails of its node on rail i
    mod rails."""
    local, ports = np.arange(nics), nics // rails
    return local % rails * (nodes * ports) + np.arange(nodes)[:, None] * ports + local // rails


def bus_pairs(gpus: int, nics: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Local numbers (gpu, nic) of each bus: accelerator i has adapter i*nics//gpus, or adapter j accelerator
    j*gpus//nics, whichever gives everyone a bus."""
    if gpus >= nics:
        gpu = np.arange(gpus)
        return gpu, gpu * nics // gpus
    nic = np.arange(nics)
    return nic * gpus // nics, nic


def _latency_ns(network: str) -> int:
    return round(catalogue().networks[network].hop_latency_ns.value)
