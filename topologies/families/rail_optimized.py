"""Rail-optimized cluster: adapter j of every server on a leaf of rail j; spines and core switches join the rails.

NVIDIA DGX SuperPOD reference architecture, compute fabric. Counts: see `rail_plan`. Positions in the tree run over
rail, node, port, so that every leaf and every group of leaves covers an interval.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.catalogue import ServerKind, server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids, NodeKind
from ...fabric.units import Bandwidth, format_bandwidth
from ..network_spec import NetworkSpec, ServerName, SwitchModel, nic_model, switch_model
from ..servers import Devices, Population, Servers, cable_servers, place_servers
from ..wiring import hang, join, refuse_too_large
from .rail_plan import Demand, Plan, plan


def _ratio(value: Any) -> Any:
    """`"4:1"` is 4."""
    head, colon, tail = value.partition(":") if isinstance(value, str) else (value, "", "")
    return head if colon and tail.strip() == "1" else value


Ratio = Annotated[float, BeforeValidator(_ratio), Field(ge=1, le=1024)]


class RailOptimized(NetworkSpec):
    """Servers on rails: leaf per rail and scalable unit, spines, core."""

    server: ServerName = Field("hgx-h100", description="kind of server, from the catalogue")
    nodes: int = Field(4, ge=1, description="servers (racks, for rack-sized domains)")
    gpus_per_rack: int | None = Field(None, ge=1, description="accelerators in use per rack, for rack-sized domains")
    nic: Bandwidth | None = Field(None, description="bandwidth of one adapter; default: the catalogue's for the server")
    nics_per_node: int | None = Field(
        None, ge=1, description="adapters per server; default: the catalogue's (racks: one per accelerator)"
    )
    link: Bandwidth | None = Field(None, description="bandwidth of one cable between switches; default: nic")
    radix: int | None = Field(
        None, ge=2, le=4096, description="ports per switch; default: the catalogue's for the speed"
    )
    su: int | None = Field(
        None,
        ge=1,
        description="nodes per scalable unit; default: as many as fill a leaf, but if oversubscribed a quarter of the "
        "nodes (rounded up to whole uplinks), so that a small cluster has several units whose traffic meets the spine",
    )
    oversubscription: Ratio = Field(1.0, description="bandwidth down over bandwidth up at the leaves, like 4 or 4:1")

    @model_validator(mode="after")
    def _possible(self) -> RailOptimized:
        if self.radix is not None and self.radix % 2:
            near = f"radix={self.radix - 1} or radix={self.radix + 1}"
            raise SpecError(
                Fault(f"half of {self.radix} ports up and half down is no whole number", near, field="radix")
            )
        if self.gpus_per_rack is not None:
            self._check_rack(self.gpus_per_rack)
        if self.nics % self.rails:
            below = self.nics // self.rails * self.rails
            raise SpecError(
                Fault(
                    f"{self.nics} adapters do not spread evenly over {self.rails} rails",
                    f"{below} or {below + self.rails}",
                    field="nics_per_node" if self.nics_per_node else "gpus_per_rack",
                )
            )
        links = self.gpus * len(self.kind.nvswitches) + max(self.gpus, self.nics)
        refuse_too_large(self.nodes * (links + self.nics), "nodes")
        refuse_too_large(self.plan.network_cables, "nodes")
        return self

    def idle(self) -> dict[str, str]:
        if self.nodes == 1:
            alone = "one server has no switches"
            return dict.fromkeys(("link", "radix", "su", "oversubscription", "hop_latency", "switch_latency"), alone)
        if self.plan.leaf_up:
            return {}
        single = "one switch joins all servers of a rail"
        # A link faster than the adapters chooses another switch, even where no cable joins two.
        return {"oversubscription": single} | ({"link": single} if self.link_bps <= self.nic_bps else {})

    def _check_rack(self, gpus: int) -> None:
        if self.kind.unit != "rack":
            raise SpecError(Fault(f"{self.server} is a server, not a rack", "leave it out", field="gpus_per_rack"))
        if gpus > self.kind.gpus:
            most = self.kind.gpus
            raise SpecError(Fault(f"{self.server} has {most} accelerators", f"at most {most}", field="gpus_per_rack"))

    @cached_property
    def kind(self) -> ServerKind:
        return server_kind(self.server)

    @property
    def gpus(self) -> int:
        """Accelerators in use per node."""
        return self.gpus_per_rack or self.kind.gpus

    @property
    def nics(self) -> int:
        """Adapters per node."""
        return self.nics_per_node or (self.gpus if self.kind.unit == "rack" else self.kind.nics)

    @property
    def rails(self) -> int:
        """A server has a rail per adapter; a rack as many as a compute tray has adapters."""
        return min(self.kind.rails, self.nics) if self.kind.unit == "rack" else self.nics

    @property
    def nic_bps(self) -> float:
        return self.nic or self.kind.nic_bps

    @property
    def link_bps(self) -> float:
        return self.link or self.nic_bps

    @cached_property
    def switch(self) -> SwitchModel:
        return switch_model(self.network, max(self.nic_bps, self.link_bps), self.radix)

    @cached_property
    def plan(self) -> Plan:
        taper = (
            Fraction(self.oversubscription).limit_denominator(1024) * Fraction(self.link_bps) / Fraction(self.nic_bps)
        )
        return plan(Demand(self.nodes, self.rails, self.nics // self.rails, self.switch.radix, taper, self.su))


def build(spec: RailOptimized) -> Fabric:
    """The fabric of a spec."""
    builder, devices = FabricBuilder(f"{spec.server} x{spec.nodes}"), Devices()
    nic_device = nic_model(spec.network, spec.nic_bps, spec.kind)
    population = Population(spec.kind, spec.nodes, spec.gpus, spec.nics, nic_device, spec.rails)
    position = _positions(spec)
    servers = place_servers(builder, population, devices, position, np.arange(spec.nodes) // spec.plan.su)
    if spec.plan.leaf_ports:
        _wire(builder, spec, servers, position, devices.index(spec.switch.device))
    cable_servers(builder, population, servers)
    builder.meta = spec.meta("rail_optimized", devices.names, _assumptions(spec), server=spec.server)
    return builder.build()


def _positions(spec: RailOptimized) -> npt.NDArray[np.int64]:
    """Tree position of each adapter [nodes, nics]: adapter i is port i // rails of its node on rail i mod rails."""
    local = np.arange(spec.nics)
    ports = spec.nics // spec.rails
    rail, port = local % spec.rails, local // spec.rails
    return rail * (spec.nodes * ports) + np.arange(spec.nodes)[:, None] * ports + port


def _wire(
    builder: FabricBuilder, spec: RailOptimized, servers: Servers, position: npt.NDArray[np.int64], device: int
) -> None:
    """Add leaves, spines and core switches, and the cables from the adapters up, tier by tier."""
    form, common = spec.plan, {"device": device, "radix": spec.switch.radix}
    sizes = np.array(form.leaf_ports * spec.rails)
    first = np.cumsum(sizes) - sizes
    rail, number = np.divmod(np.arange(form.leaves), len(form.leaf_ports))
    leaves = builder.add_nodes(
        NodeKind.LEAF, numbered("leaf-{}-{}", rail, number), level=1, first=first, span=sizes, **common
    )
    order = np.argsort(position.ravel())
    ports = servers.nics.ravel()[order]
    hang(builder, ports, np.repeat(leaves, sizes), spec.wire(spec.nic_bps), rail=np.repeat(rail, sizes))
    if form.groups:
        _join_in_groups(builder, spec, leaves, first, rail, common)
    elif form.spines:
        names = numbered("spine-{}", np.arange(form.spines))
        spines = builder.add_nodes(NodeKind.SPINE, names, level=2, first=0, span=int(sizes.sum()), **common)
        join(builder, leaves, form.leaf_up, spines[0], form.spines, spec.wire(spec.link_bps), rail)


def _join_in_groups(
    builder: FabricBuilder,
    spec: RailOptimized,
    leaves: Ids,
    first: npt.NDArray[np.int64],
    rail: npt.NDArray[np.int64],
    common: dict[str, int],
) -> None:
    """Spines of each group of leaves, and the core switches of each plane of spines."""
    form, wire = spec.plan, spec.wire(spec.link_bps)
    total = spec.nodes * spec.nics
    sizes = np.array(form.group_sizes * spec.rails)
    starts = first[np.cumsum(sizes) - sizes]
    spans = np.diff(starts, append=total)
    group, member = np.divmod(np.arange(form.spines), form.group_spines)
    spines = builder.add_nodes(
        NodeKind.SPINE,
        numbered("spine-{}-{}", group, member),
        level=2,
        first=starts[group],
        span=spans[group],
        **common,
    )
    plane, number = np.divmod(np.arange(form.cores), form.plane_cores)
    names = numbered("core-{}-{}", plane, number)
    cores = builder.add_nodes(NodeKind.CORE, names, level=3, first=0, span=total, **common)
    group_of_leaf = np.repeat(np.arange(form.groups), sizes)
    join(builder, leaves, form.leaf_up, spines[group_of_leaf * form.group_spines], form.group_spines, wire, rail)
    rail_of_spine = group // len(form.group_sizes)
    join(builder, spines, form.spine_up, cores[member * form.plane_cores], form.plane_cores, wire, rail_of_spine)


def _assumptions(spec: RailOptimized) -> list[str]:
    lines = []
    form = spec.plan
    if form.leaf_up:
        down, up = max(form.leaf_ports), form.leaf_up
        lines.append(f"scalable units of {form.su} nodes; a leaf has at most {down} ports down, {up} up")
    if spec.nic_bps * spec.nics > spec.kind.pcie_bps * max(spec.gpus, spec.nics):
        nic, bus = format_bandwidth(spec.nic_bps), format_bandwidth(spec.kind.pcie_bps)
        lines.append(f"adapters of {nic} sit behind buses of {bus}, which limit them")
    return lines
