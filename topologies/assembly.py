"""Joining finished fabrics: a common spine over their top tiers, long-haul cables, networks beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from ..fabric.builder import FabricBuilder, numbered
from ..fabric.catalogue import catalogue
from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Fabric, Ids, NodeKind
from .network_spec import SwitchModel
from .wiring import Wire, connect

_TIERS = (NodeKind.CORE, NodeKind.SPINE, NodeKind.AGG, NodeKind.LEAF, NodeKind.SWITCH)


@dataclass(frozen=True)
class Part:
    """A fabric inside a larger one: its node ids there, its name, and the number of its first server."""

    fabric: Fabric
    ids: Ids
    name: str
    first_server: int

    @property
    def ranks(self) -> Ids:
        return self.ids[self.fabric.endpoints]

    @property
    def servers(self) -> int:
        return int(self.fabric.column("server").max(initial=-1)) + 1

    @property
    def top(self) -> Ids:
        """The switches of its highest tier, as ids of the part's own fabric."""
        present = (self.fabric.of_kind(kind) for kind in _TIERS)
        return next((switches for switches in present if len(switches)), np.empty(0, dtype=np.int32))


def free_ports(part: Part) -> int:
    """Ports left on the fullest switch of the top tier. Raises SpecError when there is no switch."""
    if not len(part.top):
        raise SpecError(Fault(f"{part.name} has no switch to join to a spine", "give it more nodes", field="pods"))
    used = np.bincount(part.fabric.link_source, minlength=part.fabric.nodes)[part.top]
    return int((part.fabric.column("radix")[part.top] - used).min())


@dataclass(frozen=True)
class SpinePlan:
    """A spine: its switch, `uplinks` cables from each top switch, and `far` ports for other sites."""

    model: SwitchModel
    uplinks: int
    far: int
    switches: int | None = None

    def size(self, parts: Sequence[Part]) -> int:
        """Switches of the spine over `parts`. Raises SpecError where ports are short."""
        for part in parts:
            free = free_ports(part)
            if free < self.uplinks:
                message = f"the top switches of {part.name} have {free} ports left for {self.uplinks} uplinks"
                less = f"uplinks={free} or " if free > 0 else ""
                raise SpecError(Fault(message, f"{less}a larger radix or fewer nodes in that pod", field="uplinks"))
        cables = [self.uplinks * len(part.top) for part in parts] + [self.far] * (self.far > 0)
        if len(cables) > self.model.radix:
            message = f"a spine switch of {self.model.radix} ports joins no {len(cables)} pods and sites"
            raise SpecError(Fault(message, f"radix={len(cables)}", field="radix"))
        fewest = next(n for n in count(-(-sum(cables) // self.model.radix)) if self._fits(cables, n))
        if self.switches is not None and not self._fits(cables, self.switches):
            most = self._fullest(cables, self.switches)
            message = (
                f"{self.switches} spine switches of {self.model.radix} ports take {most} cables on the fullest, and "
                f"{self.uplinks} uplinks of one switch"
            )
            raise SpecError(Fault(message, f"spines={fewest}", field="spines"))
        return self.switches or fewest

    def _fits(self, cables: Sequence[int], switches: int) -> bool:
        """Whether the ports suffice and the uplinks of a switch spread evenly."""
        even = switches >= self.uplinks or self.uplinks % switches == 0
        return even and self._fullest(cables, switches) <= self.model.radix

    @staticmethod
    def _fullest(cables: Sequence[int], switches: int) -> int:
        """Cables of the first spine switch, where every pod begins."""
        return sum(-(-each // switches) for each in cables)


def add_spine(
    builder: FabricBuilder, parts: Sequence[Part], plan: SpinePlan, site: int, device: int, wire: Wire
) -> Ids:
    """Add the spine of a site and its cables down: cable c of a part to switch c mod S."""
    size = plan.size(parts)
    names = numbered("core-{}-{}", site, np.arange(size))
    spine = builder.add_nodes(NodeKind.CORE, names, radix=plan.model.radix, device=device)
    for part in parts:
        lower = np.repeat(part.ids[part.top], plan.uplinks)
        connect(builder, lower, spine[np.arange(len(lower)) % size], wire)
    return spine


def join_sites(builder: FabricBuilder, spines: Sequence[Ids], cables: int, wire: Wire) -> None:
    """Add `cables` between each two spines, dealt over their switches."""
    cable = np.arange(cables)
    for number, one in enumerate(spines):
        for other in spines[number + 1 :]:
            connect(builder, one[cable % len(one)], other[cable % len(other)], wire)


def propagation_ns(length_m: float) -> int:
    """Time of light in this much fibre."""
    per_m = catalogue().cables["fibre_MPO_per_m"].propagation_ns_per_m
    assert per_m is not None
    return round(length_m * per_m.value)


def with_adapters(network: Fabric, servers: int, kind: NodeKind) -> Fabric:
    """A network whose first hosts are an adapter of each of `servers` servers, and whose others are machines of
    `kind`."""
    node_kind, server = network.node_kind.copy(), network.column("server").copy()
    adapters, machines = np.split(network.endpoints, [servers])
    node_kind[adapters], node_kind[machines] = NodeKind.NIC, kind
    server[adapters] = np.arange(servers)
    names = network.node_name.astype(f"S{network.node_name.dtype.itemsize + len('machine')}")
    names[adapters] = numbered("nic-{}", np.arange(servers))
    names[machines] = numbered("machine-{}", np.arange(len(machines)))
    return replace(network, node_kind=node_kind, node_name=names, columns={**network.columns, "server": server})
