"""Packets: what of the wire is payload, and what a packet's size, its acknowledgement and a window cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, SpecError
from ...fabric.spec import Spec
from ...fabric.units import Size

Floats = npt.NDArray[np.float64]


class PacketParameters(Spec):
    """`mtu`: a packet on the wire, header included; `header`: what of it is no payload, also the size of an
    acknowledgement; `window`: bytes on the wire that a flow may have in flight, in whole packets; `forwarding`: a
    switch passes a packet on when it has all of it (store) or from its head on (cut); `completion`: a flow is done when
    its last byte has arrived (delivered) or when the sender knows it (acked); `pad`: the last packet is filled up to
    `mtu`.

    When neither `mtu` nor `header` is given, the payload share is the one the catalogue cites for the network, with
    acknowledgements and all.
    """

    mtu: Size | None = None
    header: Size | None = None
    window: Size | None = None
    forwarding: Literal["store", "cut"] = "cut"
    completion: Literal["delivered", "acked"] = "delivered"
    pad: bool = False


@dataclass(frozen=True)
class Packets:
    """Packets of `mtu_bytes` on the wire, `header_bytes` of which are no payload.

    `published_share`: measured payload share of the line rate, of a network whose packets were not specified; nan
    otherwise.
    """

    mtu_bytes: int
    header_bytes: int
    published_share: float = np.nan
    window_bytes: float = np.inf
    stored: bool = False
    acked: bool = False
    padded: bool = False

    @classmethod
    def of(cls, parameters: PacketParameters, network: str, mtu_bytes: int, header_bytes: int) -> Packets:
        """`mtu_bytes` and `header_bytes` stand in for what is not given.

        Raises SpecError if no payload is left, or if the window does not hold a packet.
        """
        mtu = mtu_bytes if parameters.mtu is None else parameters.mtu
        header = header_bytes if parameters.header is None else parameters.header
        faults = []
        if mtu <= header:
            message = f"a packet of {mtu} bytes has no room beside {header} bytes of header"
            faults.append(Fault(message, f"mtu includes the header: give more than {header}B", field="transport.mtu"))
        if parameters.window is not None and parameters.window < mtu:
            message = f"{parameters.window} bytes in flight are less than a packet of {mtu}"
            faults.append(Fault(message, f"give at least {mtu}B", field="transport.window"))
        if faults:
            raise SpecError(faults)
        share = catalogue().networks[network].payload_share
        unspecified = parameters.mtu is None and parameters.header is None and share is not None
        return cls(
            mtu,
            header,
            share.value if unspecified and share is not None else np.nan,
            np.inf if parameters.window is None else float(parameters.window // mtu * mtu),
            parameters.forwarding == "store",
            parameters.completion == "acked",
            parameters.pad,
        )

    @property
    def payload_bytes(self) -> int:
        """Of a full packet."""
        return self.mtu_bytes - self.header_bytes

    @property
    def specified(self) -> bool:
        """Whether headers and acknowledgements are counted one by one; else a measured share has them all."""
        return bool(np.isnan(self.published_share))

    @property
    def share(self) -> float:
        """Payload bytes per byte on the wire of a flow of full packets."""
        return self.payload_bytes / self.mtu_bytes if self.specified else self.published_share

    @property
    def ack_share(self) -> float:
        """Bytes of acknowledgements per byte of data on the wire."""
        return self.header_bytes / self.mtu_bytes if self.specified else 0.0

    def count(self, size_bytes: Floats) -> Floats:
        """Packets of a message of `size_bytes` payload."""
        return np.ceil(size_bytes / self.payload_bytes)

    def wire_bytes(self, size_bytes: Floats) -> Floats:
        """Bytes on the wire of messages of `size_bytes` payload."""
        if self.padded:
            return self.count(size_bytes) * self.payload_bytes / self.share
        if self.specified:
            return size_bytes + self.count(size_bytes) * self.header_bytes
        return size_bytes / self.share

    def longest_bytes(self, size_bytes: Floats) -> Floats:
        """Bytes on the wire of the longest packet of messages of `size_bytes` payload."""
        if self.padded:
            return np.where(size_bytes > 0, float(self.mtu_bytes), 0.0)
        return np.where(size_bytes > 0, np.minimum(size_bytes + self.header_bytes, self.mtu_bytes), 0.0)
