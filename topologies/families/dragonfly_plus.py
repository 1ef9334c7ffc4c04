"""Dragonfly+ (Shpiner et al., "Dragonfly+: low cost topology for scaling datacenters", HiPINEB 2017).

g groups, each a two-tier tree of leaves with p hosts and spines with h global cables, one cable from each leaf to
each spine. At most g = spines*h + 1 groups. leaves*p*g hosts, g*(leaves+spines) switches, g*leaves*spines local and
floor(g*spines*h/2) global cables. Balanced with radix k: p = leaves = spines = h = k/2.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, NodeKind
from ..direct import DirectSpec, Layout, build_direct
from ..fields import Count
from ..global_links import Arrangement, global_links
from ..wiring import refuse_too_large


class DragonflyPlus(DirectSpec):
    """Groups of leaves and spines, and groups joined by global cables between spines."""

    p: Count = Field(description="hosts per leaf")
    leaves: Count | None = Field(None, description="leaves per group; default: p")
    spines: Count | None = Field(None, description="spines per group; default: p")
    h: Count | None = Field(None, description="global cables per spine; default: p")
    g: Count | None = Field(None, ge=2, description="groups; default: the most possible, spines*h + 1")
    arrangement: Arrangement = Field("palmtree", description="which global port leads to which group")

    @model_validator(mode="after")
    def _possible(self) -> DragonflyPlus:
        leaves, spines, h, g = self.sizes
        if g > spines * h + 1:
            ports, enough = spines * h, -(-(g - 1) // spines)
            raise SpecError(
                Fault(
                    f"the spines*h = {ports} global ports of a group reach as many other groups, so {ports + 1} in all",
                    f"g={ports + 1} or h={enough}",
                    field="g",
                )
            )
        refuse_too_large(g * (leaves * (self.p + spines) + spines * h // 2), "p")
        self.refuse_bad_radix()
        self.refuse_part_servers(self.p, leaves * g, "p")
        return self

    @cached_property
    def sizes(self) -> tuple[int, int, int, int]:
        """leaves, spines, h, g."""
        leaves, spines, h = self.leaves or self.p, self.spines or self.p, self.h or self.p
        return leaves, spines, h, self.g or spines * h + 1

    @property
    def ports_used(self) -> int:
        leaves, spines, h, _ = self.sizes
        return max(self.p + spines, leaves + h)


def build(spec: DragonflyPlus) -> Fabric:
    """The fabric of a spec. Switches are numbered group by group, leaves before spines."""
    leaves, spines, h, g = spec.sizes
    size = leaves + spines
    group, member = np.divmod(np.arange(g * size), size)
    is_leaf = member < leaves
    leaf, spine = (side.ravel() for side in np.meshgrid(np.arange(leaves), np.arange(spines), indexing="ij"))
    base = np.arange(g)[:, None] * size
    links = global_links(g, spines * h, spec.arrangement)
    names = np.where(
        is_leaf,
        numbered("leaf-{}-{}", group, np.minimum(member, leaves - 1)),
        numbered("spine-{}-{}", group, np.maximum(member - leaves, 0)),
    )
    layout = Layout(
        names=names,
        hosts=np.where(is_leaf, spec.p, 0),
        one=np.concatenate(((base + leaf).ravel(), links.group * size + leaves + links.port // h)),
        other=np.concatenate(
            ((base + leaves + spine).ravel(), links.other_group * size + leaves + links.other_port // h)
        ),
        columns={"pod": group, "coord0": group, "coord1": member},
        kind=np.where(is_leaf, NodeKind.LEAF, NodeKind.SPINE),
        parameters={"leaves": leaves, "spines": spines, "h": h, "g": g},
    )
    return build_direct("dragonfly_plus", f"dragonfly_plus p={spec.p} g={g}", spec, layout)
