"""Multi-plane fat tree: P folded Clos networks side by side, with no cable between them.

Two ways to meet the planes. `split=nics`: adapter i of a server is on plane i mod P (Zhao et al., "Insights into
DeepSeek-V3", ISCA 2025, section 5.1: 8 planes of two tiers of 64-port switches, 16,384 adapters, 768 switches, 16,384
cables between switches; its table 3 counts adapters as endpoints). `split=ports`: every adapter or plain host has a
port in each plane, so P cables of a P-th of the bandwidth, and switches have P times the ports: two tiers of radix R
carry R^2/2 hosts whatever P is.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder
from ...fabric.catalogue import server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids
from ..fields import Count
from ..hosts import Hosts, cable_hosts, place_hosts
from ..network_spec import ServerName, nic_model
from ..servers import Devices, Population, place_servers, rail_positions
from ..tree import TreeLook, plant
from ..wiring import refuse_too_large
from .clos import Clos


class MultiPlane(Clos):
    """Planes of leaves and spines that meet in the servers only."""

    planes: int = Field(8, ge=1, le=64, description="planes")
    split: Literal["nics", "ports"] = Field(
        "nics",
        description="nics: adapter i on plane i mod planes; ports: every adapter or host has a port in each plane",
    )
    hosts: Count | None = Field(None, description="host ports of each plane; default: as many as the tiers carry")
    server: ServerName | None = Field(
        None, description="kind of server; default: hgx-h100 where nics are split, plain hosts where ports are"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_server(cls, fields: dict[str, object]) -> dict[str, object]:
        return {"server": "hgx-h100", **fields} if fields.get("split", "nics") == "nics" else fields

    @model_validator(mode="after")
    def _planes_fit(self) -> MultiPlane:
        refuse_too_large(self.planes * self.shape.cables, "planes")
        if self.split == "ports":
            return self
        nics = server_kind(str(self.server)).nics
        if nics % self.planes:
            near = [count for count in range(1, nics + 1) if nics % count == 0]
            best = sorted(near, key=lambda count: abs(count - self.planes))[:2]
            message = f"{nics} adapters of {self.server} do not spread evenly over {self.planes} planes"
            raise SpecError(Fault(message, " or ".join(f"planes={count}" for count in sorted(best)), field="planes"))
        return self

    def refuse_part_servers(self, per_switch: int, switches: int, field: str) -> None:
        """A server has a planes-th of its adapters in each plane."""
        if self.split == "ports":
            super().refuse_part_servers(per_switch, switches, field)
            return
        nics = server_kind(str(self.server)).nics
        each = max(1, nics // self.planes)
        if self.ports % each:
            below = self.ports // each * each
            message = f"{self.ports} ports of a plane are no whole number of servers with {each} adapters there"
            raise SpecError(Fault(message, f"hosts={below or each} or hosts={below + each}", field="hosts"))


def build(spec: MultiPlane) -> Fabric:
    """The fabric of a spec. Positions run over plane and host port where adapters are split, over host ports else."""
    builder, devices = FabricBuilder(f"multi_plane {spec.planes} x {spec.ports}"), Devices()
    hosts, ports = _split_nics(builder, spec, devices) if spec.split == "nics" else _split_ports(builder, spec, devices)
    columns = {"device": devices.index(spec.switch.device), "radix": spec.switch.radix}
    wire = spec.wire(spec.link)
    for plane, own in enumerate(ports):
        first = plane * spec.ports if spec.split == "nics" else 0
        plant(builder, spec.shape, own, TreeLook(wire, wire, columns, first=first, number=plane, plane=plane))
    cable_hosts(builder, hosts)
    assumptions = [f"{spec.planes} planes without a cable between them; a transfer stays on one plane"]
    server = {"server": spec.server} if spec.server else {}
    builder.meta = spec.meta("multi_plane", devices.names, assumptions, **server)
    return builder.build()


def _split_nics(builder: FabricBuilder, spec: MultiPlane, devices: Devices) -> tuple[Hosts, list[Ids]]:
    """The servers, and the adapters of each plane."""
    kind = server_kind(str(spec.server))
    nodes = spec.ports * spec.planes // kind.nics
    nic = nic_model(spec.network, spec.link, kind)
    population = Population(kind, nodes, kind.gpus, kind.nics, nic, spec.planes)
    position = rail_positions(nodes, kind.nics, spec.planes)
    servers = place_servers(builder, population, devices, position)
    by_position = servers.nics.ravel()[np.argsort(position.ravel())]
    return Hosts(servers.nics.ravel(), (population, servers)), np.split(by_position, spec.planes)


def _split_ports(builder: FabricBuilder, spec: MultiPlane, devices: Devices) -> tuple[Hosts, list[Ids]]:
    """The hosts or servers, and for each plane the same ports."""
    hosts = place_hosts(builder, spec, spec.ports, devices, tree=True)
    return hosts, [hosts.ports] * spec.planes
