"""Extended generalized fat tree XGFT(h; m_1..m_h; w_1..w_h) (Ohring, Ibel, Das, Kumar, IPPS 1995).

h levels of switches above the hosts; a node of level i has m_i children and a node of level i - 1 has w_i parents.
Level i has w_1..w_i * m_(i+1)..m_h nodes, and nodes_i * w_(i+1) cables lead up from it. XGFT(3; k/2,k/2,k; 1,k/2,k/2)
is the k-ary fat tree, XGFT(2; 18,36; 1,18) the 648-port director.
"""

from __future__ import annotations

from math import prod

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids, NodeKind
from ..fields import Count, Numbers
from ..hosts import HostedSpec, cable_hosts, place_hosts
from ..network_spec import switch_model
from ..servers import Devices
from ..wiring import hang, join, refuse_too_large

_MOST_LEVELS = 8


class Xgft(HostedSpec):
    """A tree with any number of children and parents per level."""

    h: Count | None = Field(None, le=_MOST_LEVELS, description="levels of switches; default: as many as m has numbers")
    m: Numbers = Field(description="children of a switch, from level 1 up, like 4,4,8")
    w: Numbers = Field(description="parents of a node, from the hosts up, like 1,4,4")

    @model_validator(mode="after")
    def _possible(self) -> Xgft:
        lengths = {len(self.m), len(self.w), self.h or len(self.m)}
        if len(lengths) > 1 or len(self.m) > _MOST_LEVELS:
            message = f"{len(self.m)} numbers in m and {len(self.w)} in w for {self.h or len(self.m)} levels"
            raise SpecError(Fault(message, f"as many of both, {_MOST_LEVELS} at most", field="m"))
        cables = sum(self.nodes(level) * up for level, up in enumerate(self.w))
        refuse_too_large(cables, "m")
        self.refuse_part_servers(self.nodes(0), 1, "the product of m")
        return self

    def nodes(self, level: int) -> int:
        """Nodes of a level; the hosts are level 0."""
        return prod(self.w[:level]) * prod(self.m[level:])

    def ports(self, level: int) -> int:
        """Ports of a switch of a level."""
        return self.m[level - 1] + (self.w[level] if level < len(self.w) else 0)


def build(spec: Xgft) -> Fabric:
    """The fabric of a spec. Node (A, B) of level i has number A * w_1..w_i + B: the A-th subtree, its B-th root."""
    title = f"XGFT({len(spec.m)}; {','.join(map(str, spec.m))}; {','.join(map(str, spec.w))})"
    builder, devices = FabricBuilder(title), Devices()
    hosts = place_hosts(builder, spec, spec.nodes(0), devices, tree=True)
    lower = hosts.ports
    for level in range(1, len(spec.m) + 1):
        upper = _add_level(builder, spec, level, devices)
        _join_level(builder, spec, level, lower, upper)
        lower = upper
    cable_hosts(builder, hosts)
    builder.meta = spec.meta(
        "xgft", devices.names, hosts.assumptions, **({"server": spec.server} if spec.server else {})
    )
    return builder.build()


def _add_level(builder: FabricBuilder, spec: Xgft, level: int, devices: Devices) -> Ids:
    """The switches of one level."""
    number = np.arange(spec.nodes(level))
    below, roots = prod(spec.m[:level]), prod(spec.w[:level])
    model = switch_model(spec.network, spec.link, spec.ports(level))
    top = NodeKind.SPINE if len(spec.m) == 2 else NodeKind.CORE
    kind = NodeKind.LEAF if level == 1 else top if level == len(spec.m) else NodeKind.AGG
    stem = f"agg-{level}" if kind is NodeKind.AGG else kind.name.lower()
    return builder.add_nodes(
        kind,
        numbered(stem + "-{}", number),
        level=level,
        first=number // roots * below,
        span=below,
        device=devices.index(model.device),
        radix=model.radix,
    )


def _join_level(builder: FabricBuilder, spec: Xgft, level: int, lower: Ids, upper: Ids) -> None:
    """The cables up to the switches of `level`: root B of a subtree to the roots B*w, B*w + 1, ... of the one around
    it."""
    roots, up = prod(spec.w[: level - 1]), spec.w[level - 1]
    subtree, root = np.divmod(np.arange(len(lower)), roots)
    start = upper[(subtree // spec.m[level - 1] * roots + root) * up]
    wire = spec.wire(spec.link)
    if level > 1:
        join(builder, lower, up, start, up, wire)
        return
    for parent in range(up):
        hang(builder, lower, start + parent, wire)
