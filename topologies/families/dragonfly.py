"""Dragonfly (Kim, Dally, Scott, Abts, "Technology-driven, highly-scalable dragonfly topology", ISCA 2008, section 3).

g groups of a routers; each router has p hosts, a cable to each other router of its group, and h global cables. At
most g = a*h + 1 groups. Radix p + a - 1 + h, a*p*g hosts, g*a*(a-1)/2 local and floor(g*a*h/2) global cables.
Balanced: a = 2p = 2h.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ..direct import DirectSpec, Layout, build_direct
from ..fields import Count
from ..global_links import Arrangement, global_links
from ..wiring import refuse_too_large


class Dragonfly(DirectSpec):
    """Groups of routers, all joined inside a group, and groups joined by global cables."""

    p: Count = Field(description="hosts per router")
    a: Count | None = Field(None, description="routers per group; default: 2p")
    h: Count | None = Field(None, description="global cables per router; default: p")
    g: Count | None = Field(None, ge=2, description="groups; default: the most possible, a*h + 1")
    arrangement: Arrangement = Field("palmtree", description="which global port leads to which group")

    @model_validator(mode="after")
    def _possible(self) -> Dragonfly:
        a, h, g = self.sizes
        if g > a * h + 1:
            enough = -(-(g - 1) // a)
            raise SpecError(
                Fault(
                    f"the a*h = {a * h} global ports of a group reach as many other groups, {a * h + 1} groups in all",
                    f"g={a * h + 1} or h={enough}",
                    field="g",
                )
            )
        refuse_too_large(g * a * (self.p + (a + h) // 2), "a")
        self.refuse_bad_radix()
        self.refuse_part_servers(self.p, a * g, "p")
        return self

    @cached_property
    def sizes(self) -> tuple[int, int, int]:
        """a, h, g."""
        a, h = self.a or 2 * self.p, self.h or self.p
        return a, h, self.g or a * h + 1

    @property
    def ports_used(self) -> int:
        a, h, _ = self.sizes
        return self.p + a - 1 + h


def build(spec: Dragonfly) -> Fabric:
    """The fabric of a spec. Routers are numbered group by group; the local cables of a router come before its global
    ones."""
    a, h, g = spec.sizes
    group, router = np.divmod(np.arange(g * a), a)
    near, far = np.triu_indices(a, 1)
    base = np.arange(g)[:, None] * a
    links = global_links(g, a * h, spec.arrangement)
    layout = Layout(
        names=numbered("switch-{}-{}", group, router),
        hosts=spec.p,
        one=np.concatenate(((base + near).ravel(), links.group * a + links.port // h)),
        other=np.concatenate(((base + far).ravel(), links.other_group * a + links.other_port // h)),
        columns={"pod": group, "coord0": group, "coord1": router},
        parameters={"a": a, "h": h, "g": g},
    )
    return build_direct("dragonfly", f"dragonfly p={spec.p} a={a} h={h} g={g}", spec, layout)
