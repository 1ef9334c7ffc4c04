"""k-ary fat tree (Al-Fares, Loukissas, Vahdat, SIGCOMM 2008, section 3).

k pods of k/2 edge and k/2 aggregation switches of radix k, (k/2)^2 core switches: k^3/4 host ports, 5k^2/4 switches,
3k^3/4 cables, full bisection k^3/8 cables. Core switches stand in k/2 planes; aggregation switch j of every pod belongs
to plane j.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.catalogue import server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids, NodeKind
from ...fabric.units import Bandwidth
from ..network_spec import NetworkSpec, ServerName, nic_model, switch_model
from ..servers import Devices, Population, cable_servers, place_servers
from ..wiring import hang, join, refuse_too_large


class FatTree(NetworkSpec):
    """Three tiers of switches of one radix, non-blocking."""

    k: int = Field(description="ports per switch, even: k^3/4 hosts", ge=2)
    link: Bandwidth = Field(4e11, description="bandwidth of one cable")
    server: ServerName | None = Field(
        None, description="put servers of this kind in place of plain hosts; each adapter takes one host port"
    )

    @model_validator(mode="after")
    def _possible(self) -> FatTree:
        if self.k % 2:
            half = f"half of {self.k} ports up and half down"
            raise SpecError(Fault(f"{half} is no whole number", f"k={self.k - 1} or k={self.k + 1}", field="k"))
        refuse_too_large(3 * self.k**3 // 4, "k")
        if self.server is not None and self.host_ports % server_kind(self.server).nics:
            raise SpecError(self._no_whole_servers())
        return self

    def _no_whole_servers(self) -> Fault:
        nics = server_kind(str(self.server)).nics
        near = [k for k in range(2, 2 * self.k + 17, 2) if k**3 // 4 % nics == 0]
        best = sorted(near, key=lambda k: abs(k - self.k))[:2]
        return Fault(
            f"k^3/4 = {self.host_ports} host ports are no whole number of servers with {nics} adapters",
            " or ".join(f"k={k}" for k in sorted(best)),
            field="k",
        )

    @property
    def host_ports(self) -> int:
        return self.k**3 // 4


def build(spec: FatTree) -> Fabric:
    """The fabric of a spec. Positions run over pod, edge switch, port."""
    half, devices = spec.k // 2, Devices()
    builder = FabricBuilder(f"fat_tree k={spec.k}")
    population = _population(spec)
    if population is None:
        ports, assumptions = _hosts(builder, spec), []
    else:
        position = np.arange(spec.host_ports).reshape(population.nodes, population.nics)
        pod = position[:, 0] // half**2
        servers = place_servers(builder, population, devices, position, pod)
        ports, assumptions = servers.nics.ravel(), ["each adapter of a server takes one host port of the tree"]
    edge, agg, core = _switches(builder, spec, devices.index(switch_model(spec.network, spec.link, spec.k).device))
    wire = spec.wire(spec.link)
    hang(builder, ports, np.repeat(edge, half), wire)
    join(builder, edge, half, np.repeat(agg[::half], half), half, wire)
    join(builder, agg, half, np.tile(core[::half], spec.k), half, wire)
    if population is not None:
        cable_servers(builder, population, servers)
    builder.meta = spec.meta("fat_tree", devices.names, assumptions, **({"server": spec.server} if spec.server else {}))
    return builder.build()


def _population(spec: FatTree) -> Population | None:
    if spec.server is None:
        return None
    kind = server_kind(spec.server)
    nodes = spec.host_ports // kind.nics
    return Population(kind, nodes, kind.gpus, kind.nics, nic_model(spec.network, spec.link, kind))


def _hosts(builder: FabricBuilder, spec: FatTree) -> Ids:
    number = np.arange(spec.host_ports)
    pod = number // (spec.k // 2) ** 2
    return builder.add_nodes(NodeKind.HOST, numbered("host-{}", number), pod=pod, level=0, first=number, span=1)


def _switches(builder: FabricBuilder, spec: FatTree, device: int) -> tuple[Ids, Ids, Ids]:
    """Edge and aggregation switches by pod, core switches by plane."""
    half = spec.k // 2
    pod, local = np.divmod(np.arange(spec.k * half), half)
    plane, member = np.divmod(np.arange(half**2), half)
    common = {"device": device, "radix": spec.k}
    edge = builder.add_nodes(
        NodeKind.LEAF, numbered("leaf-{}-{}", pod, local), level=1, first=np.arange(len(pod)) * half, span=half,
        pod=pod, **common,
    )  # fmt: skip
    agg = builder.add_nodes(
        NodeKind.AGG, numbered("agg-{}-{}", pod, local), level=2, first=pod * half**2, span=half**2, pod=pod, **common
    )
    core = builder.add_nodes(
        NodeKind.CORE, numbered("core-{}-{}", plane, member), level=3, first=0, span=spec.host_ports, **common
    )
    return edge, agg, core
