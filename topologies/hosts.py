"""What hangs on the host ports of a network: plain hosts, or the adapters of servers."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..fabric.builder import FabricBuilder, numbered
from ..fabric.catalogue import server_kind
from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Ids, NodeKind
from ..fabric.units import Bandwidth
from .network_spec import NetworkSpec, ServerName, nic_model
from .servers import Devices, Population, Servers, cable_servers, place_servers


class HostedSpec(NetworkSpec):
    """Fields of every family that can carry plain hosts or servers."""

    link: Bandwidth = Field(4e11, description="bandwidth of one cable")
    server: ServerName | None = Field(
        None, description="put servers of this kind in place of plain hosts; each adapter takes one host port"
    )

    @property
    def host_bps(self) -> float:
        """Bandwidth of a host's cable."""
        return self.link

    def refuse_part_servers(self, per_switch: int, switches: int, field: str) -> None:
        """Raise SpecError unless `per_switch` host ports (the field's value) on each switch make whole servers."""
        nics = server_kind(self.server).nics if self.server is not None else 1
        ports = per_switch * switches
        if ports % nics:
            step = nics // gcd(nics, switches)
            below = per_switch // step * step
            near = f"{field}={below} or {field}={below + step}" if below else f"{field}={step}"
            message = f"{ports} host ports are no whole number of {self.server} servers with {nics} adapters"
            raise SpecError(Fault(message, near, field=field))


@dataclass(frozen=True)
class Hosts:
    """`ports`: the node on each host port, in port order; `servers` stand behind them, or none."""

    ports: Ids
    servers: tuple[Population, Servers] | None = None

    @property
    def assumptions(self) -> list[str]:
        return ["each adapter of a server takes one host port"] if self.servers else []


def place_hosts(
    builder: FabricBuilder, spec: HostedSpec, count: int, devices: Devices, pod: npt.ArrayLike = -1, tree: bool = False
) -> Hosts:
    """Add the nodes for `count` host ports, each in its `pod`; `tree`: their positions in it are 0, 1, 2, ..."""
    number = np.arange(count)
    pod = np.broadcast_to(np.asarray(pod), (count,))
    if spec.server is None:
        columns: dict[str, npt.ArrayLike] = {"level": 0, "first": number, "span": 1} if tree else {}
        return Hosts(builder.add_nodes(NodeKind.HOST, numbered("host-{}", number), pod=pod, **columns))
    kind = server_kind(spec.server)
    nic = nic_model(spec.network, spec.host_bps, kind)
    population = Population(kind, count // kind.nics, kind.gpus, kind.nics, nic)
    position = number.reshape(-1, kind.nics) if tree else None
    servers = place_servers(builder, population, devices, position, pod[:: kind.nics])
    return Hosts(servers.nics.ravel(), (population, servers))


def cable_hosts(builder: FabricBuilder, hosts: Hosts) -> None:
    """Add the links inside the servers."""
    if hosts.servers is not None:
        cable_servers(builder, *hosts.servers)
