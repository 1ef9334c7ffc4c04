"""Folded Clos of two or three tiers from switches of one radix, oversubscribed per tier (Clos 1953; Leiserson 1985).

R ports per switch, without oversubscription: two tiers carry R^2/2 hosts on R leaves under R/2 spines, three R^3/4 on
R^2/2 leaves, R^2/2 aggregation and R^2/4 core switches. A leaf oversubscribed o to 1 has R*o/(1+o) hosts. Counts: see
`clos_plan`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from ...fabric.builder import FabricBuilder
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ..clos_plan import ClosDemand, TreeShape, clos, most_hosts
from ..fields import Count, list_schema, listed
from ..hosts import HostedSpec, cable_hosts, place_hosts
from ..network_spec import SwitchModel, switch_model
from ..servers import Devices
from ..tree import TreeLook, plant, pod_of_ports
from ..wiring import refuse_too_large
from .rail_optimized import Ratio

Ratios = Annotated[
    tuple[Ratio, ...], BeforeValidator(listed), list_schema("3:1,1.5:1", "number"), Field(min_length=1, max_length=2)
]


class Clos(HostedSpec):
    """Leaves under spines, or pods of leaves and aggregation switches under a core."""

    radix: int | None = Field(
        None, ge=2, le=4096, description="ports per switch; default: the catalogue's for the link"
    )
    hosts: Count | None = Field(None, description="host ports; default: as many as the tiers carry")
    tiers: int | None = Field(
        None, ge=2, le=3, description="tiers of switches; default: as few as the hosts need, or 2 without hosts"
    )
    oversubscription: Ratios = Field(
        (1.0,), description="bandwidth down over up at the leaves and at the tier above, like 3 or 3:1,1.5:1"
    )

    @model_validator(mode="after")
    def _possible(self) -> Clos:
        if self.tiers == 2 and len(self.oversubscription) == 2:
            fault = Fault("the upper of two tiers has no ports up", "give one ratio", field="oversubscription")
            raise SpecError(fault)
        refuse_too_large(self.ports, "hosts")
        if self.tapers[1] != 1 and not self.shape.top_up:
            message = f"{self.ports} hosts take no tier above the spines, which would be oversubscribed"
            raise SpecError(Fault(message, "give one ratio, or tiers=3", field="oversubscription"))
        refuse_too_large(self.shape.cables, "hosts")
        self.refuse_part_servers(self.ports, 1, "hosts")
        return self

    def idle(self) -> dict[str, str]:
        return {} if self.shape.leaf_up else {"oversubscription": "one switch joins all hosts"}

    @cached_property
    def switch(self) -> SwitchModel:
        return switch_model(self.network, self.link, self.radix)

    @property
    def tapers(self) -> tuple[Fraction, Fraction]:
        leaf, *above = (Fraction(ratio).limit_denominator(1024) for ratio in self.oversubscription)
        return leaf, above[0] if above else Fraction(1)

    @property
    def ports(self) -> int:
        """Host ports."""
        return self.hosts or most_hosts(self.switch.radix, self.tiers or 2, self.tapers)

    @cached_property
    def shape(self) -> TreeShape:
        tiers = self.tiers or (None if self.hosts else 2)
        return clos(ClosDemand(self.ports, self.switch.radix, tiers, self.tapers))


def build(spec: Clos) -> Fabric:
    """The fabric of a spec. Positions run over the leaves in order."""
    builder, devices = FabricBuilder(f"clos of {spec.ports} ports, radix {spec.switch.radix}"), Devices()
    hosts = place_hosts(builder, spec, spec.ports, devices, pod_of_ports(spec.shape), tree=True)
    columns = {"device": devices.index(spec.switch.device), "radix": spec.switch.radix}
    plant(builder, spec.shape, hosts.ports, TreeLook(spec.wire(spec.link), spec.wire(spec.link), columns))
    cable_hosts(builder, hosts)
    server = {"server": spec.server} if spec.server else {}
    builder.meta = spec.meta("clos", devices.names, hosts.assumptions, **server)
    return builder.build()
