"""Rail-only cluster (Wang, Ghobadi, Shakeri, Zhang, Hasani, HOTI 2024, arXiv:2307.12169): a network of its own for
every rail.

Adapter j of every server is on rail j; no switch joins two rails. Ranks on different rails of different servers reach
each other only through the scale-up domain of either server. One switch per rail while it has a port for every
server, else a folded Clos per rail, as `rail_plan` counts it for one rail.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

import numpy as np
from pydantic import model_validator

from ...fabric.builder import FabricBuilder
from ...fabric.graph import Fabric, Ids
from ..clos_plan import TreeShape
from ..network_spec import nic_model
from ..servers import Devices, Population, cable_servers, place_servers, rail_positions
from ..tree import TreeLook, plant
from ..wiring import refuse_too_large
from .rail_optimized import RailOptimized
from .rail_plan import Demand, Plan, plan


class RailOnly(RailOptimized):
    """Servers on rails that no switch joins."""

    @model_validator(mode="after")
    def _every_rail(self) -> RailOnly:
        refuse_too_large(self.rails * self.plan.network_cables, "nodes")
        return self

    @cached_property
    def plan(self) -> Plan:
        """The switches of one rail."""
        ports, taper = self.nics // self.rails, Fraction(self.oversubscription).limit_denominator(1024)
        taper *= Fraction(self.link_bps) / Fraction(self.nic_bps)
        demand = Demand(self.nodes, 1, ports, self.switch.radix, taper, self.su)
        if 1 < self.nodes <= self.switch.radix // ports and self.su is None:
            return Plan(demand, self.nodes, (self.nodes * ports,))
        return plan(demand)


def build(spec: RailOnly) -> Fabric:
    """The fabric of a spec. Positions run over rail, node, port."""
    builder, devices = FabricBuilder(f"rail_only {spec.server} x{spec.nodes}"), Devices()
    nic_device = nic_model(spec.network, spec.nic_bps, spec.kind)
    population = Population(spec.kind, spec.nodes, spec.gpus, spec.nics, nic_device, spec.rails)
    position = rail_positions(spec.nodes, spec.nics, spec.rails)
    servers = place_servers(builder, population, devices, position, np.arange(spec.nodes) // spec.plan.su)
    if spec.plan.leaf_ports:
        _plant_rails(builder, spec, servers.nics.ravel()[np.argsort(position.ravel())], devices)
    cable_servers(builder, population, servers)
    assumptions = ["no switch joins two rails; ranks on different rails meet inside a server only"]
    builder.meta = spec.meta("rail_only", devices.names, assumptions, server=spec.server)
    return builder.build()


def _plant_rails(builder: FabricBuilder, spec: RailOnly, ports: Ids, devices: Devices) -> None:
    """A tree over the ports of each rail."""
    one = spec.plan
    shape = TreeShape(
        one.leaf_ports, one.leaf_up, one.group_sizes or (one.leaves,), one.group_spines, one.spine_up, one.plane_cores
    )
    columns = {"device": devices.index(spec.switch.device), "radix": spec.switch.radix}
    for rail, own in enumerate(np.split(ports, spec.rails)):
        wires = spec.wire(spec.nic_bps), spec.wire(spec.link_bps)
        plant(builder, shape, own, TreeLook(*wires, columns, first=rail * len(own), number=rail, rail=rail))
