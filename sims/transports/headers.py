"""What headers leave of the line rate."""

from __future__ import annotations

import numpy as np

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric, LinkKind
from ...fabric.spec import Spec
from ...fabric.units import Size
from .base import Floats


class Headers(Spec):
    """Packet on the wire: `mtu` with everything included, of which `header` is no payload. When neither is given, the
    payload share is the one the catalogue cites for the network."""

    mtu: Size | None = None
    header: Size | None = None


def payload_share(headers: Headers, network: str, mtu_bytes: int, header_bytes: int) -> float:
    """Payload bytes per byte on the wire: (mtu - header) / mtu if either is given, else the catalogue's.

    `mtu_bytes` and `header_bytes` stand in for the one that is not given. Raises SpecError if no payload is left.
    """
    if headers.mtu is None and headers.header is None:
        published = catalogue().networks[network].payload_share
        return 1.0 if published is None else published.value
    mtu = mtu_bytes if headers.mtu is None else headers.mtu
    header = header_bytes if headers.header is None else headers.header
    if mtu <= header:
        fault = f"a packet of {mtu} bytes has no room beside {header} bytes of header"
        raise SpecError(Fault(fault, f"mtu includes the header: give more than {header}B", field="transport.mtu"))
    return (mtu - header) / mtu


def on_network_links(fabric: Fabric, share: float) -> Floats:
    """`share` on the links of the switched network, 1 elsewhere; float64[links]."""
    return np.where(fabric.link_kind == LinkKind.NETWORK, share, 1.0)
