"""One scale-up domain on its own: accelerators joined by NVSwitches, no network.

HGX H100: 8 accelerators, 4 NVSwitches, 18 links each split 5 4 4 5. GB200 NVL72: 72 accelerators, 18 NVSwitches, one
link from each to each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from ...fabric.catalogue import ServerKind, server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, FabricBuilder
from ...fabric.spec import Spec
from ...fabric.units import Bandwidth, Latency
from ..network_spec import ServerName
from ..servers import Devices, Population, cable_servers, place_servers
from ..wiring import refuse_too_large


class NvlinkDomain(Spec):
    """A server kind's scale-up domain; every other field replaces one of its numbers."""

    server: ServerName = Field("hgx-h100", description="kind of server, from the catalogue")
    gpus: int | None = Field(None, ge=1, description="accelerators")
    nvswitches: int | None = Field(None, ge=1, description="NVSwitches")
    links_per_gpu: int | None = Field(
        None, ge=1, description="NVLinks of each accelerator, spread evenly over the NVSwitches"
    )
    link: Bandwidth | None = Field(None, description="bandwidth of one NVLink per direction")
    hop_latency: Latency | None = Field(None, description="latency of an NVLink; default: the catalogue's")

    @model_validator(mode="after")
    def _possible(self) -> NvlinkDomain:
        widths = self.widths
        if server_kind(self.server).peer_links:
            message = f"{self.server} cables its accelerators to each other, without NVSwitches"
            raise SpecError(Fault(message, f"family full_mesh with server={self.server}", field="server"))
        if widths[-1] == 0:
            links, switches = sum(widths), len(widths)
            raise SpecError(
                Fault(
                    f"{links} links per accelerator do not reach {switches} NVSwitches",
                    f"links_per_gpu={switches} or nvswitches={links}",
                    field="links_per_gpu",
                )
            )
        refuse_too_large(self.kind.gpus * len(widths), "gpus")
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """NVLinks of an accelerator to each NVSwitch."""
        known = server_kind(self.server).nvswitches
        if self.nvswitches is None and self.links_per_gpu is None:
            return known
        switches, links = self.nvswitches or len(known), self.links_per_gpu or sum(known)
        return tuple(links // switches + (switch < links % switches) for switch in range(switches))

    @property
    def kind(self) -> ServerKind:
        known = server_kind(self.server)
        return replace(
            known, gpus=self.gpus or known.gpus, nvswitches=self.widths, nvlink_bps=self.link or known.nvlink_bps
        )


def build(spec: NvlinkDomain) -> Fabric:
    """The fabric of a spec."""
    kind, devices = spec.kind, Devices()
    builder = FabricBuilder(f"nvlink_domain {spec.server}")
    population = Population(kind, nodes=1, gpus=kind.gpus, nics=0)
    servers = place_servers(builder, population, devices, np.empty((1, 0), dtype=np.int64))
    cable_servers(builder, population, servers, spec.hop_latency)
    builder.meta = _meta(spec, devices.names)
    return builder.build()


def _meta(spec: NvlinkDomain, devices: list[str]) -> dict[str, Any]:
    return {
        "family": "nvlink_domain",
        "parameters": spec.model_dump(mode="json", exclude_none=True),
        "network": "infiniband",
        "devices": devices,
        "server": spec.server,
        "base_latency_s": 0.0,
        "assumptions": [],
    }
