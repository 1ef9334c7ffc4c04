"""Full mesh: everyone cabled to everyone, n(n-1)/2 cables, diameter 1.

Of switches with hosts on them; or, without any switch, of the accelerators of one server (AMD Instinct over xGMI: 8
accelerators, 28 cables, 7 on each).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.catalogue import catalogue, server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, NodeKind
from ...fabric.units import format_bandwidth
from ..direct import DirectSpec, Layout, build_direct
from ..fields import Count
from ..servers import Devices, mesh_accelerators
from ..wiring import refuse_too_large


class FullMesh(DirectSpec):
    """Switches, or the accelerators of one server, each cabled to every other."""

    switches: Count | None = Field(None, ge=2, description="switches in the mesh; without it, accelerators are meshed")
    hosts: Count = Field(1, description="hosts per switch")
    accelerators: Count | None = Field(
        None, ge=2, description="accelerators in the mesh; default: those of server, whose links they then have"
    )

    @model_validator(mode="after")
    def _possible(self) -> FullMesh:
        if self.switches is None:
            self._check_accelerators()
        elif self.accelerators is not None:
            raise SpecError(Fault("meshed are switches already", "leave accelerators out", field="accelerators"))
        else:
            refuse_too_large(self.switches * (self.switches // 2 + self.hosts), "switches")
            self.refuse_bad_radix()
            self.refuse_part_servers(self.hosts, self.switches, "hosts")
        return self

    def _check_accelerators(self) -> None:
        if self.server is None and self.accelerators is None:
            raise SpecError(Fault("nothing to mesh", "give switches, accelerators or server", field="switches"))
        if self.server is not None and not server_kind(self.server).peer_links:
            message = f"{self.server} joins its accelerators by NVSwitches"
            raise SpecError(Fault(message, f"family nvlink_domain with server={self.server}", field="server"))
        refuse_too_large(self.size**2 // 2, "accelerators")

    @property
    def size(self) -> int:
        """Switches or accelerators in the mesh."""
        return self.switches or self.accelerators or server_kind(str(self.server)).gpus

    @property
    def ports_used(self) -> int:
        return self.size - 1 + self.hosts

    @property
    def mesh_bps(self) -> float:
        """Between two accelerators."""
        if self.server is None or "link" in self.model_fields_set:
            return self.link
        kind = server_kind(self.server)
        return kind.nvlink_bps * kind.peer_links


def build(spec: FullMesh) -> Fabric:
    """The fabric of a spec."""
    if spec.switches is None:
        return _accelerators(spec)
    one, other = np.triu_indices(spec.switches, 1)
    number = np.arange(spec.switches)
    layout = Layout(numbered("switch-{}", number), spec.hosts, one, other, {"coord0": number})
    return build_direct("full_mesh", f"full_mesh of {spec.switches} switches", spec, layout)


def _accelerators(spec: FullMesh) -> Fabric:
    builder, devices = FabricBuilder(f"full_mesh of {spec.size} accelerators"), Devices()
    device = devices.index(server_kind(spec.server).accelerator if spec.server else None)
    names = numbered("gpu-0-{}", np.arange(spec.size))
    gpus = builder.add_nodes(NodeKind.ACCELERATOR, names, server=0, device=device)
    hop_ns = round(catalogue().networks["xgmi"].hop_latency_ns.value) if spec.hop_latency is None else spec.hop_latency
    mesh_accelerators(builder, gpus[None, :], spec.mesh_bps, hop_ns)
    meta = spec.meta("full_mesh", devices.names, [], **({"server": spec.server} if spec.server else {}))
    meta["parameters"] |= {"accelerators": spec.size, "link": format_bandwidth(spec.mesh_bps)}
    builder.meta = meta | {"assumptions": []}
    return builder.build()
