"""BCube (Guo et al., SIGCOMM 2009, section 3.1): servers with several ports forward for each other, switches never
meet.

BCube_k of n-port switches: n^(k+1) servers with k + 1 ports, k + 1 levels of n^k switches, (k+1)*n^(k+1) cables.
Server a_k...a_0 (digits to base n) is at port a_l + 1 of the switch of level l whose number is the other digits.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.graph import Fabric, NodeKind
from ...fabric.units import Bandwidth
from ..fields import MOST
from ..network_spec import NetworkSpec, switch_model
from ..servers import Devices
from ..wiring import hang, refuse_too_large


class BCube(NetworkSpec):
    """Servers that forward, each on one switch of every level."""

    n: int = Field(description="ports per switch", ge=2, le=MOST)
    k: int = Field(1, ge=0, le=63, description="highest level: servers have k + 1 ports")
    link: Bandwidth = Field(4e11, description="bandwidth of one cable")

    @model_validator(mode="after")
    def _possible(self) -> BCube:
        refuse_too_large((self.k + 1) * self.n ** (self.k + 1), "k")
        return self


def build(spec: BCube) -> Fabric:
    """The fabric of a spec; `meta["hosts_forward"]` says that paths run through servers."""
    n, levels, devices = spec.n, spec.k + 1, Devices()
    builder, number = FabricBuilder(f"bcube n={n} k={spec.k}"), np.arange(n**levels)
    servers = builder.add_nodes(NodeKind.HOST, numbered("host-{}", number))
    level, member = np.divmod(np.arange(levels * n**spec.k), n**spec.k)
    device = devices.index(switch_model(spec.network, spec.link, n).device)
    names = numbered("switch-{}-{}", level, member)
    switches = builder.add_nodes(NodeKind.SWITCH, names, device=device, radix=n)
    for digit in range(levels):
        others = number // n ** (digit + 1) * n**digit + number % n**digit
        hang(builder, servers, switches[digit * n**spec.k + others], spec.wire(spec.link))
    builder.meta = spec.meta("bcube", devices.names, ["servers forward for each other"], hosts_forward=True)
    return builder.build()
