"""One scale-up domain on its own: accelerators joined by NVSwitches, no network.

HGX H100: 8 accelerators, 4 NVSwitches, 18 links each split 5 4 4 5. GB200 NVL72: 72 accelerators, 18 NVSwitches, one
link from each to each.

Several racks (or servers) are joined by a second tier, a plane of it for each NVSwitch of a rack. NVSwitch s with g *
w_s links down has u_s = ceil(g * w_s / o) up, evenly over the switches of its plane: the smallest divisor of u_s with
racks * u_s <= switches * radix. DGX H100 SuperPOD: 32 servers at 2:1 under 18 switches of 128 ports, 57.6 TB/s across,
both ways together (NVIDIA, Hot Chips 34, 2022); DGX GH200: 32 trays of 8 under 36 switches (NVIDIA 2023); both general
knowledge, not opened. Blackwell's NVLink addresses 576 accelerators.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from ...fabric.builder import FabricBuilder, numbered
from ...fabric.catalogue import ServerKind, catalogue, server_kind
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, Ids, LinkKind, NodeKind
from ...fabric.spec import Spec
from ...fabric.units import Bandwidth, Latency
from ..network_spec import ServerName
from ..servers import Devices, Population, cable_servers, place_servers
from ..wiring import refuse_too_large, smallest_divisor
from .rail_optimized import Ratio


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
    racks: int = Field(1, ge=1, le=1024, description="racks or servers, joined by a second tier of NVSwitches")
    radix: int | None = Field(
        None, ge=2, le=4096, description="NVLink ports of a switch of either tier; default: the catalogue's NVSwitch"
    )
    oversubscription: Ratio = Field(1.0, description="links down over links up at the NVSwitches of a rack, like 2:1")

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
        refuse_too_large(self.racks * self.kind.gpus * len(widths), "gpus")
        if self.racks > 1:
            self._refuse_bad_tiers()
        return self

    def _refuse_bad_tiers(self) -> None:
        down, up = self.kind.gpus * max(self.widths), max(self.links_up)
        if self.racks > self.ports:
            message = f"an NVSwitch of {self.ports} ports does not join {self.racks} racks"
            raise SpecError(Fault(message, f"racks={self.ports}", field="racks"))
        if down + up > self.ports:
            message = f"{down} NVLinks down and {up} up are more than the {self.ports} ports of an NVSwitch"
            fits = int(self.ports * self.taper / (1 + self.taper)) // max(self.widths)
            near = [f"gpus={fits}"] * bool(fits) + [f"radix={down + up}"]
            raise SpecError(Fault(message, " or ".join(near), field="racks"))

    def idle(self) -> dict[str, str]:
        return {} if self.racks > 1 else dict.fromkeys(("radix", "oversubscription"), "one rack has no second tier")

    @property
    def taper(self) -> Fraction:
        return Fraction(self.oversubscription).limit_denominator(1024)

    @property
    def ports(self) -> int:
        """NVLinks that an NVSwitch has room for."""
        return self.radix or catalogue().switches[self.nvswitch].ports.value

    @property
    def nvswitch(self) -> str:
        """The catalogue's name."""
        return str(catalogue().servers[self.server].parts.nvswitch)

    @property
    def links_up(self) -> tuple[int, ...]:
        """NVLinks up from each NVSwitch of a rack."""
        return tuple(ceil(self.kind.gpus * width / self.taper) for width in self.widths)

    @property
    def planes(self) -> tuple[int, ...]:
        """Switches of the second tier above each NVSwitch of a rack."""
        return tuple(smallest_divisor(up, ceil(self.racks * up / self.ports)) for up in self.links_up)

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
    population = Population(kind, nodes=spec.racks, gpus=kind.gpus, nics=0)
    servers = place_servers(builder, population, devices, np.empty((spec.racks, 0), dtype=np.int64))
    cable_servers(builder, population, servers, spec.hop_latency)
    if spec.racks > 1:
        _join_racks(builder, spec, servers.nvswitches, devices)
    builder.meta = _meta(spec, devices.names)
    return builder.build()


def _join_racks(builder: FabricBuilder, spec: NvlinkDomain, nvswitches: Ids, devices: Devices) -> None:
    """Add the second tier: from NVSwitch s of every rack a bundle to every switch of plane s."""
    device = devices.index(spec.nvswitch if spec.radix is None else None)
    hop_ns = catalogue().networks["nvlink"].hop_latency_ns.value if spec.hop_latency is None else spec.hop_latency
    for plane, (up, switches) in enumerate(zip(spec.links_up, spec.planes, strict=True)):
        names = numbered("nvspine-{}-{}", plane, np.arange(switches))
        spines = builder.add_nodes(NodeKind.NVSWITCH, names, device=device, radix=spec.ports)
        builder.add_cables(
            np.repeat(nvswitches[:, plane], switches),
            np.tile(spines, spec.racks),
            up // switches * spec.kind.nvlink_bps,
            round(hop_ns),
            LinkKind.NVLINK,
            width=up // switches,
            plane=plane,
        )


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
