"""Direct networks: switches that carry hosts, cabled to each other without tiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..fabric.builder import FabricBuilder
from ..fabric.catalogue import server_kind
from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Fabric, NodeKind
from ..fabric.units import Bandwidth
from .hosts import HostedSpec, cable_hosts, place_hosts
from .network_spec import SwitchModel, switch_model
from .servers import Devices
from .wiring import connect, hang

_LARGEST_RADIX = 4096

Integers = npt.NDArray[np.integer[Any]]


class DirectSpec(HostedSpec):
    """Fields of every direct network."""

    radix: int | None = Field(
        None, ge=1, le=_LARGEST_RADIX, description="ports per switch; default: as many as are cabled"
    )
    host_link: Bandwidth | None = Field(None, description="bandwidth of a host's cable; default: link")
    integrated: bool = Field(False, description="the switches are routers on the accelerators' own chips")

    @property
    def host_bps(self) -> float:
        return self.host_link or self.link

    @property
    def ports_used(self) -> int:
        """Of the switch with the most cables."""
        raise NotImplementedError

    def refuse_bad_radix(self) -> None:
        """Raise SpecError when the switch has fewer ports than cables, or more than any switch."""
        if self.ports_used > _LARGEST_RADIX:
            message = f"switches of {self.ports_used} ports are larger than {_LARGEST_RADIX}"
            raise SpecError(Fault(message, "choose a smaller size", field="radix"))
        if self.radix is not None and self.radix < self.ports_used:
            message = f"{self.ports_used} cables do not fit a switch of {self.radix} ports"
            raise SpecError(Fault(message, f"radix={self.ports_used}", field="radix"))


@dataclass(frozen=True)
class Layout:
    """Switches numbered from 0: `names`, `hosts` on each (one number, or one each), `columns` of NODE_COLUMNS.

    Cable c joins switches `one[c]` and `other[c]`, at `ports[0][c]` and `ports[1][c]` where given; else ports are
    numbered in the order of the cables. Hosts come first, from port 1. `parameters`: the defaults that were chosen.
    """

    names: npt.NDArray[np.bytes_]
    hosts: int | Integers
    one: Integers
    other: Integers
    columns: Mapping[str, npt.ArrayLike]
    ports: tuple[npt.ArrayLike, npt.ArrayLike] = (-1, -1)
    kind: NodeKind | Integers = NodeKind.SWITCH
    parameters: Mapping[str, Any] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()


def _server_of_switches(spec: DirectSpec, hosts_on: Integers) -> Integers:
    """The server whose first adapter each on-chip router carries. Raises SpecError where one carries none."""
    if spec.server is None or (hosts_on == 0).any():
        cure = "give server, and hosts on every switch"
        raise SpecError(Fault("a router on a chip is part of a server", cure, field="integrated"))
    return (np.cumsum(hosts_on) - hosts_on) // server_kind(spec.server).nics


def build_direct(family: str, title: str, spec: DirectSpec, layout: Layout) -> Fabric:
    """The fabric of a layout. Host ports run over the switches in order."""
    builder, devices = FabricBuilder(title), Devices()
    hosts_on = np.broadcast_to(layout.hosts, layout.names.shape)
    pod = np.repeat(np.broadcast_to(layout.columns.get("pod", -1), layout.names.shape), hosts_on)
    hosts = place_hosts(builder, spec, len(pod), devices, pod)
    ports = spec.radix or spec.ports_used
    model = SwitchModel(ports, None) if spec.integrated else switch_model(spec.network, spec.link, ports)
    columns = {"device": devices.index(model.device), "radix": model.radix, **layout.columns}
    if spec.integrated:
        columns["server"] = _server_of_switches(spec, hosts_on)
    switches = builder.add_nodes(layout.kind, layout.names, **columns)
    wire = spec.wire(spec.link)
    host_port = np.arange(len(hosts.ports)) - np.repeat(np.cumsum(hosts_on) - hosts_on, hosts_on) + 1
    hang(builder, hosts.ports, np.repeat(switches, hosts_on), spec.wire(spec.host_bps), switch_port=host_port)
    connect(builder, switches[layout.one], switches[layout.other], wire, layout.ports)
    cable_hosts(builder, hosts)
    assumptions = [*hosts.assumptions, *layout.assumptions]
    builder.meta = spec.meta(family, devices.names, assumptions, **({"server": spec.server} if spec.server else {}))
    builder.meta["parameters"] |= layout.parameters
    return builder.build()
