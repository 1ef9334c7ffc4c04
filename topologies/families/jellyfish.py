"""Jellyfish (Singla, Hong, Popa, Godfrey, NSDI 2012, section 3): a random regular graph of switches.

N switches of radix k, r of whose ports go to other switches: N*(k - r) hosts, N*r/2 cables between switches.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ..direct import DirectSpec, Layout, build_direct
from ..fields import MOST, Count
from ..random_regular import random_regular
from ..wiring import refuse_too_large


class Jellyfish(DirectSpec):
    """Switches cabled to each other at random, each to equally many."""

    switches: int = Field(ge=4, le=MOST, description="switches")
    radix: int = Field(ge=4, le=4096, description="ports per switch")
    degree: int = Field(ge=3, le=MOST, description="ports of a switch that go to other switches")
    hosts: Count | None = Field(None, description="hosts per switch; default: on all other ports, radix - degree")
    seed: int = Field(0, ge=0, description="seed of the random graph")

    @model_validator(mode="after")
    def _possible(self) -> Jellyfish:
        n, r = self.switches, self.degree
        if r >= n:
            message = f"{n} switches have {n - 1} others each, fewer than {r}"
            raise SpecError(Fault(message, f"degree={n - 1} or switches={r + 1}", field="degree"))
        if n * r % 2:
            near = f"degree={r - 1 if r > 3 else r + 1} or switches={n + 1}"
            raise SpecError(
                Fault(f"{n} switches of {r} ports make {n * r} cable ends, an odd number", near, field="degree")
            )
        if r >= self.radix:
            message = f"{r} of {self.radix} ports to other switches leave none for hosts"
            raise SpecError(Fault(message, f"degree={self.radix - 1} or radix={r + 1}", field="degree"))
        refuse_too_large(n * (self.hosts_used + r // 2), "switches")
        self.refuse_bad_radix()
        self.refuse_part_servers(self.hosts_used, n, "hosts")
        return self

    @property
    def hosts_used(self) -> int:
        return self.hosts or self.radix - self.degree

    @property
    def ports_used(self) -> int:
        return self.degree + self.hosts_used


def build(spec: Jellyfish) -> Fabric:
    """The fabric of a spec."""
    edges = random_regular(spec.switches, spec.degree, spec.seed)
    layout = Layout(
        names=numbered("switch-{}", np.arange(spec.switches)),
        hosts=spec.hosts_used,
        one=edges[:, 0],
        other=edges[:, 1],
        columns={},
        parameters={"hosts": spec.hosts_used},
    )
    title = f"jellyfish {spec.switches} switches of degree {spec.degree}, seed {spec.seed}"
    return build_direct("jellyfish", title, spec, layout)
