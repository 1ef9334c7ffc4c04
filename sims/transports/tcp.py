"""Kernel TCP: sockets hashed to paths by ECMP, each served by one core at either end; windows by Reno or DCTCP.

What sets it apart from RDMA is the host: a core's time per byte (`host_stack`), the cores a port has, and the kernel's
latency per message. Packet of the default header: Ethernet 8 + 4 + 12 + 14 (IEEE 802.3), IPv4 20, TCP 20 with 12 of
timestamps, in jumbo frames of 9000 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ...fabric.routing import FIVE_TUPLE, Hashing, Router
from ...fabric.routing.ports import network_ports
from ...fabric.units import Size
from .base import Transport
from .control import Dctcp, Law, Reno
from .controlled import carry_controlled
from .fair import crosses_network, share_fairly
from .hashed import HashedParameters
from .host_stack import SEGMENT_BYTES, HostStack
from .packets import Packets
from .subflows import Batch, Delivery, Floats, Lines, Ranks, Subflows, over_adapters

ETHERNET_BYTES = 8 + 4 + 12 + 14
HEADER_BYTES = ETHERNET_BYTES + 20 + 20 + 12
MTU_BYTES = 9000 + ETHERNET_BYTES
CORES = 14
"""Per port: 2 x 56 cores of a DGX H100 for its 8 ports."""
BUFFER_BYTES = 2_500_000
"""Per port: 160 MB of an SN5600 for its 64 ports (catalogue)."""


class TcpParameters(HashedParameters):
    """Those of its packets and of the hash; `cores`: cores that serve a port; `copies` of every byte by a core (0:
    zero-copy receive); `segment`: bytes that the stack handles at once; `cc`: reno or dctcp; `buffer`: of a switch's
    port."""

    cores: int = Field(default=CORES, ge=1)
    copies: int = Field(default=1, ge=0)
    segment: Size = SEGMENT_BYTES
    cc: Literal["reno", "dctcp"] = "reno"
    buffer: Size | None = None

    @model_validator(mode="after")
    def _act(self) -> TcpParameters:
        if self.buffer is not None and self.cc == "dctcp":
            fault = "does nothing under cc=dctcp: its queue stands at the marking threshold"
            raise SpecError(Fault(fault, "leave it out", field="transport.buffer"))
        return self

    @property
    def law(self) -> Law:
        if self.cc == "reno":
            return Reno(BUFFER_BYTES if self.buffer is None else self.buffer)
        return Dctcp(self.mtu or MTU_BYTES)


@dataclass(frozen=True)
class Tcp(Transport):
    packets: Packets
    sockets: int
    cores: int
    host: HostStack
    law: Law
    hashing: Hashing = FIVE_TUPLE
    name = "tcp"

    @classmethod
    def of(cls, parameters: TcpParameters) -> Tcp:
        """Raises SpecError as `Packets.of` does."""
        known = {"mtu": parameters.mtu or MTU_BYTES, "header": parameters.header or HEADER_BYTES}
        packets = Packets.of(parameters.model_copy(update=known), cls.name, MTU_BYTES, HEADER_BYTES)
        host = HostStack(copies=parameters.copies, segment_bytes=parameters.segment)
        return cls(packets, parameters.qps, parameters.cores, host, parameters.law, parameters.hashing)

    def rule(self, fabric: Fabric) -> str:
        return "ecmp"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        transfer, adapter, socket = over_adapters(router, src, dst, self.sockets)
        ends = src[transfer], dst[transfer]
        back = router.paths(*ends[::-1], socket, adapter)
        return Subflows.along(router.paths(*ends, socket, adapter), transfer, back)

    def limits(self, fabric: Fabric) -> Floats:
        """Headers everywhere, and at the ports what their cores keep up with."""
        share = super().limits(fabric)
        port = network_ports(fabric).link
        port = port[port >= 0]
        own = np.concatenate((port, port ^ 1))
        share[own] = np.minimum(share[own], self.cores * self.host.core_bps / fabric.capacity_bps[own])
        return share

    def allocate(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        return self._late(lines, batch, share_fairly(self.packets, lines, batch, certify, self.host.core_bps))

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        settled = carry_controlled(self.law, self.packets, lines, batch, certify, self.host.core_bps)
        return self._late(lines, batch, settled.delivery)

    def _late(self, lines: Lines, batch: Batch, delivery: Delivery) -> Delivery:
        """With the kernel's latency at both ends of every message."""
        if not lines.timed:
            return delivery
        late_s = np.where(crosses_network(lines, batch) & (batch.size_bytes > 0), kernel_latency_s(), 0.0)
        return replace(delivery, finish_s=delivery.finish_s + late_s, latency_s=delivery.latency_s + late_s)

    def assumptions(self) -> list[str]:
        return [
            f"TCP: ECMP, sockets per connection: {self.sockets}; {self.packets.share:.4g} of the line rate is payload; "
            f"a core receives {self.host.core_bps / 1e9:.3g} Gbit/s, {self.cores} serve a port; the kernel takes "
            f"{kernel_latency_s() * 1e6:g} us per message.",
            self.law.assumption(),
        ]


def kernel_latency_s() -> float:
    """Both ends of a message: system calls, interrupts, wake-up (catalogue)."""
    latency = catalogue().networks["tcp"].end_latency_ns
    assert latency is not None
    return latency.value * 1e-9
