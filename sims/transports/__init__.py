"""Transports: how transfers become flows on links, and what of a link they can use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, SpecError, UnknownNameError
from ...fabric.graph import Fabric
from ...fabric.spec import Spec, validate
from .base import Transport
from .ideal import Ideal, IdealParameters
from .infiniband import Infiniband, InfinibandParameters
from .nvlink import SWITCH, Nvlink
from .packets import PacketParameters
from .roce import Roce, RoceParameters
from .subflows import Batch, Delivery, Lines, Queues, Subflows
from .tcp import Tcp, TcpParameters
from .uec import Uec
from .uec_parameters import UecParameters

TRANSPORTS: Mapping[str, tuple[type[Spec], Callable[[Any], Transport]]] = {
    "ideal": (IdealParameters, lambda _: Ideal()),
    "infiniband": (InfinibandParameters, Infiniband.of),
    "roce": (RoceParameters, Roce.of),
    "tcp": (TcpParameters, Tcp.of),
    "uec": (UecParameters, Uec.of),
}
"""Parameters and maker of each transport of the switched network."""

_NO_HASH = {
    "infiniband": "a static table gives every queue pair of a pair the same path",
    "uec": "every packet has its own path",
    "ideal": "traffic already spreads over all paths",
}

INERT = {
    **{(name, knob): why for name, why in _NO_HASH.items() for knob in ("qps", "entropy", "hash")},
    **{("ideal", knob): "there are no packets" for knob in PacketParameters.model_fields},
}
"""Parameters of other transports that could move nothing here, and why."""


def transport_for(fabric: Fabric, name: str = "auto", parameters: Mapping[str, Any] | None = None) -> Transport:
    """The transport of this name; `auto` is the network the fabric was built for.

    Raises UnknownNameError, SpecError listing every wrong parameter.
    """
    network = fabric.meta.get("network", "infiniband")
    name = network if name == "auto" else name
    if name not in TRANSPORTS:
        raise UnknownNameError.of("transport", name, ("auto", *TRANSPORTS))
    spec, make = TRANSPORTS[name]
    given = dict(parameters or {})
    inert = [
        Fault(f"does nothing under {name}: {INERT[name, key]}", "leave it out", field=f"transport.{key}")
        for key in given
        if (name, key) in INERT
    ]
    if inert:
        raise SpecError(inert)
    transport = make(_validated(spec, given))
    return _with_adapters_share(fabric, transport) if isinstance(transport, Uec) else transport


def _validated(spec: type[Spec], given: Mapping[str, Any]) -> Spec:
    """Faults name fields as `--set` does: `transport.mtu`."""
    try:
        return validate(spec, given)
    except SpecError as error:
        places = [fault.field.removeprefix("transport.") for fault in error.faults]
        named = zip(error.faults, places, strict=True)
        raise SpecError(replace(fault, field=f"transport.{place}".rstrip(".")) for fault, place in named) from None


def _with_adapters_share(fabric: Fabric, transport: Uec) -> Uec:
    """With the payload share of the fabric's adapters, where they have one of their own and packets are not
    specified."""
    known = catalogue().nics
    own = [known[name].payload_share for name in fabric.meta.get("devices", ()) if name in known]
    shares = [share.value for share in own if share is not None]
    if transport.packets.specified or not shares:
        return transport
    return replace(transport, packets=replace(transport.packets, published_share=min(shares)))


__all__ = [
    "INERT",
    "SWITCH",
    "TRANSPORTS",
    "Batch",
    "Delivery",
    "Lines",
    "Nvlink",
    "Queues",
    "Subflows",
    "Transport",
    "transport_for",
]
