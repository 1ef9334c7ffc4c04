"""Dual-plane network with two leaves per rail (Qian et al., "Alibaba HPN", SIGCOMM 2024, sections 4 to 6).

Adapter r of every server of a segment has one port on each of the two leaves (ToRs) of rail r, one per plane; the
planes stay apart up to the top. Aggregation switches of a plane join all its leaves of a pod of segments; core
switches of a plane join the pods, 15 to 1 oversubscribed. In HPN: segments of 128 servers (1024 accelerators, 16
leaves), pods of 15 segments (15,360 accelerators), 60 cables of 400G up from each leaf (general knowledge), 8 up from
each aggregation switch.
"""

from __future__ import annotations

from functools import cached_property
from math import ceil

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder
from ...fabric.catalogue import ServerKind, server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids
from ...fabric.units import Bandwidth
from ..clos_plan import TreeShape
from ..fields import Count
from ..network_spec import NetworkSpec, ServerName, nic_model, switch_model
from ..servers import Devices, Population, cable_servers, place_servers
from ..tree import TreeLook, plant
from ..wiring import refuse_too_large, smallest_divisor

PLANES = 2
_CORE_OVERSUBSCRIPTION = 15


class DualTor(NetworkSpec):
    """Servers whose adapters have a port on either of two planes."""

    server: ServerName = Field("hgx-h100", description="kind of server, from the catalogue")
    nodes: Count = Field(4, description="servers")
    nic: Bandwidth | None = Field(
        None, description="bandwidth of one adapter, half on each plane; default: the catalogue's"
    )
    segment: Count = Field(128, description="servers per segment: ports down of a leaf")
    pod: Count = Field(15, description="segments per pod, joined by aggregation switches")
    link: Bandwidth = Field(4e11, description="bandwidth of one cable between switches")
    radix: int = Field(
        128, ge=2, le=4096, description="ports of link speed per switch; a leaf splits some for adapters"
    )
    uplinks: Count | None = Field(None, description="cables up from each leaf; default: as much up as down")
    core_uplinks: Count | None = Field(
        None,
        description="cables up from each aggregation switch, with several pods; default: a 15th of those down",
    )

    @model_validator(mode="after")
    def _possible(self) -> DualTor:
        leaf = self.leaf_down * self.port_bps + self.leaf_up * self.link
        if leaf > self.radix * self.link:
            fits = max(1, int(self.radix * self.link / 2 / self.port_bps))
            message = (
                f"{self.leaf_down} ports down and {self.leaf_up} up are more than {self.radix} ports of link speed"
            )
            raise SpecError(Fault(message, f"segment={fits}", field="segment"))
        below = self.pod_segments * self.kind.nics
        if below + self.top_up > self.radix:
            fits = max(1, self.radix * _CORE_OVERSUBSCRIPTION // (_CORE_OVERSUBSCRIPTION + 1) // self.kind.nics)
            message = f"aggregation switches of {self.radix} ports do not join {below} leaves and have {self.top_up} up"
            raise SpecError(Fault(message, f"pod={fits}", field="pod"))
        if self.pods > self.radix:
            most = self.radix * self.pod * self.segment
            raise SpecError(
                Fault(f"core switches of {self.radix} ports join no {self.pods} pods", f"nodes={most}", field="nodes")
            )
        refuse_too_large(self.nodes * self.kind.nics * (PLANES + len(self.kind.nvswitches)), "nodes")
        refuse_too_large(PLANES * self.shape.cables, "nodes")
        return self

    def idle(self) -> dict[str, str]:
        if self.pods > 1:
            return {}
        alone = f"{self.nodes} servers fill {self.segments} segments, a single pod"
        return {"pod": alone, "core_uplinks": alone}

    @property
    def kind(self) -> ServerKind:
        return server_kind(self.server)

    @property
    def nic_bps(self) -> float:
        return self.nic or self.kind.nic_bps

    @property
    def port_bps(self) -> float:
        return self.nic_bps / PLANES

    @property
    def leaf_down(self) -> int:
        return min(self.segment, self.nodes)

    @property
    def leaf_up(self) -> int:
        return self.uplinks or ceil(self.leaf_down * self.port_bps / self.link)

    @property
    def segments(self) -> int:
        return -(-self.nodes // self.segment)

    @property
    def pod_segments(self) -> int:
        return min(self.pod, self.segments)

    @property
    def pods(self) -> int:
        return -(-self.segments // self.pod)

    @property
    def top_up(self) -> int:
        if self.pods == 1:
            return 0
        return self.core_uplinks or ceil(self.pod_segments * self.kind.nics / _CORE_OVERSUBSCRIPTION)

    @cached_property
    def shape(self) -> TreeShape:
        """The tree of one plane."""
        rails, last = self.kind.nics, self.nodes - (self.segments - 1) * self.segment
        leaf_ports = (self.segment,) * (rails * (self.segments - 1)) + (last,) * rails
        rest = self.segments - (self.pods - 1) * self.pod
        pods = (self.pod * rails,) * (self.pods - 1) + (rest * rails,)
        cores = smallest_divisor(self.top_up, ceil(self.pods * self.top_up / self.radix)) if self.top_up else 0
        return TreeShape(leaf_ports, self.leaf_up, pods, self.leaf_up, self.top_up, cores)


def build(spec: DualTor) -> Fabric:
    """The fabric of a spec. Positions run over segment, rail, server: every leaf and every pod covers an interval."""
    builder, devices = FabricBuilder(f"dual_tor {spec.server} x{spec.nodes}"), Devices()
    population = Population(
        spec.kind,
        spec.nodes,
        spec.kind.gpus,
        spec.kind.nics,
        nic_model(spec.network, spec.nic_bps, spec.kind),
        spec.kind.nics,
    )
    position = _positions(spec)
    servers = place_servers(builder, population, devices, position, np.arange(spec.nodes) // (spec.pod * spec.segment))
    device = devices.index(switch_model(spec.network, spec.link, spec.radix).device)
    _plant_planes(builder, spec, servers.nics.ravel()[np.argsort(position.ravel())], device)
    cable_servers(builder, population, servers)
    assumptions = ["each adapter has one port on either plane; a transfer stays on one plane"]
    builder.meta = spec.meta("dual_tor", devices.names, assumptions, server=spec.server)
    return builder.build()


def _positions(spec: DualTor) -> npt.NDArray[np.int64]:
    """[nodes, nics]."""
    node, rail = np.arange(spec.nodes)[:, None], np.arange(spec.kind.nics)
    segment, member = np.divmod(node, spec.segment)
    size = np.minimum(spec.segment, spec.nodes - segment * spec.segment)
    return segment * spec.segment * spec.kind.nics + rail * size + member


def _plant_planes(builder: FabricBuilder, spec: DualTor, ports: Ids, device: int) -> None:
    """The tree of either plane over the same adapters."""
    rail = np.arange(spec.shape.leaves) % spec.kind.nics
    wires = spec.wire(spec.port_bps), spec.wire(spec.link)
    columns, leaf_columns = {"device": device, "radix": spec.radix}, {"radix": spec.leaf_down + spec.leaf_up}
    for plane in range(PLANES):
        plant(builder, spec.shape, ports, TreeLook(*wires, columns, leaf_columns, number=plane, rail=rail, plane=plane))
