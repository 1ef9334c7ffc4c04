"""Accelerators for an imported network: a dump shows adapters, a server kind says what stands behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..fabric.builder import FabricBuilder, numbered
from ..fabric.catalogue import ServerKind
from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Fabric, Ids, NodeKind
from .merge import copy_cables
from .servers import Devices, Population, Servers, cable_servers


def add_servers(fabric: Fabric, kind: ServerKind) -> Fabric:
    """The fabric with the accelerators and NVSwitches of `kind` in every server of at least half as many adapters.

    Accelerator i uses the server's adapter i, in the order of the adapters' ranks; where fewer are known, neighbours
    share one (i * adapters // accelerators). The accelerators become the ranks; `meta["assumptions"]` says which
    adapters stay without. Raises SpecError when the fabric has accelerators already or no such server.
    """
    adapters = _adapters(fabric)
    fewest = -(-kind.nics // 2)
    chosen = {server: nics[: kind.nics] for server, nics in adapters.items() if len(nics) >= fewest}
    _refuse(fabric, kind, fewest, adapters, chosen)
    devices = Devices(list(fabric.meta.get("devices", [])))
    builder = FabricBuilder(fabric.name)
    builder.add_nodes(fabric.node_kind, fabric.node_name, **fabric.columns)
    copy_cables(builder, fabric, 0)
    servers = np.array(list(chosen))
    gpus = _put(builder, NodeKind.ACCELERATOR, "gpu", servers, kind.gpus, devices.index(kind.accelerator))
    nvswitches = _put(builder, NodeKind.NVSWITCH, "nvswitch", servers, len(kind.nvswitches), -1)
    for count in sorted({len(nics) for nics in chosen.values()}):
        alike = np.array([len(nics) == count for nics in chosen.values()])
        nics = np.array([nics for nics in chosen.values() if len(nics) == count], dtype=np.int32)
        population = Population(kind, len(nics), kind.gpus, count)
        cable_servers(builder, population, Servers(gpus[alike], nvswitches[alike], nics))
    built = builder.build(gpus.ravel())
    said = [*fabric.meta.get("assumptions", []), *_assumptions(fabric, kind, fewest, adapters, chosen)]
    return replace(built, meta={**fabric.meta, "server": kind.name, "devices": devices.names, "assumptions": said})


def _adapters(fabric: Fabric) -> dict[int, list[int]]:
    """The NICs of each known server in rank order, by ascending server."""
    nics = fabric.endpoints[fabric.node_kind[fabric.endpoints] == NodeKind.NIC]
    server = fabric.column("server")[nics]
    return {number: nics[server == number].tolist() for number in np.unique(server[server >= 0]).tolist()}


def _refuse(
    fabric: Fabric, kind: ServerKind, fewest: int, adapters: dict[int, list[int]], chosen: dict[int, list[int]]
) -> None:
    if len(fabric.of_kind(NodeKind.ACCELERATOR)):
        raise SpecError(Fault("the fabric has accelerators already", "leave the server out", field="server"))
    if not chosen:
        most = max(map(len, adapters.values()), default=0)
        message = f"{kind.name} needs servers with at least {fewest} adapters known by name; the most known is {most}"
        raise SpecError(Fault(message, "name a server kind with fewer adapters", field="server"))


def _put(
    builder: FabricBuilder, what: NodeKind, prefix: str, servers: npt.NDArray[np.int64], count: int, device: int
) -> Ids:
    """`count` nodes per server, as ids [server, local number]."""
    server, local = np.repeat(servers, count), np.tile(np.arange(count), len(servers))
    ids = builder.add_nodes(what, numbered(prefix + "-{}-{}", server, local), server=server, device=device)
    return ids.reshape(len(servers), count)


def _assumptions(
    fabric: Fabric, kind: ServerKind, fewest: int, adapters: dict[int, list[int]], chosen: dict[int, list[int]]
) -> list[str]:
    counts = [len(nics) for nics in chosen.values()]
    found = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{max(counts)}"
    said = [f"{len(chosen)} of {len(adapters)} servers known by name are {kind.name}, with {found} adapters each."]
    if min(counts) < kind.gpus:
        said.append("Where a server shows fewer adapters than accelerators, neighbouring accelerators share one.")
    idle = fabric.ranks - sum(counts)
    if idle:
        said.append(f"{idle} adapters carry no rank: no server known by name, fewer than {fewest} in it, or surplus.")
    return said
