"""What the specs of families have in common, and what the catalogue gives where the user names nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..fabric.catalogue import ServerKind, Value, catalogue, server_kind
from ..fabric.errors import Fault, SpecError, UnknownNameError
from ..fabric.spec import Spec
from ..fabric.units import Duration, Latency, format_bandwidth
from .wiring import Wire


def _known_server(name: str) -> str:
    try:
        return server_kind(name).name
    except UnknownNameError as error:
        raise SpecError(error.faults) from None


ServerName = Annotated[str, AfterValidator(_known_server)]


class NetworkSpec(Spec):
    """Fields of every family that has a network."""

    network: Literal["infiniband", "roce", "uec", "tcp"] = Field("infiniband", description="kind of network")
    hop_latency: Latency | None = Field(
        None,
        description="latency of every network cable, host cables included; default: the catalogue's for the network",
    )
    switch_latency: Latency = Field(0, description="latency of each switch, on top of hop_latency")
    base_latency: Duration = Field(0.0, description="this installation's own start-up time per collective")

    def wire(self, bps: float) -> Wire:
        """A network cable of this rate."""
        hop_ns = round(self._default_hop.value) if self.hop_latency is None else self.hop_latency
        return Wire(bps, hop_ns, self.switch_latency)

    @property
    def _default_hop(self) -> Value[float]:
        return catalogue().networks[self.network].hop_latency_ns

    def meta(self, family: str, devices: Iterable[str], assumptions: Iterable[str], **more: Any) -> dict[str, Any]:
        """`Fabric.meta` of what this spec generates."""
        return {
            "family": family,
            "parameters": self.model_dump(mode="json", exclude_none=True),
            "network": self.network,
            "devices": list(devices),
            "base_latency_s": self.base_latency,
            "assumptions": [*self._latency_assumptions(), *assumptions],
            **more,
        }

    def _latency_assumptions(self) -> list[str]:
        if self.hop_latency is not None:
            return []
        hop = self._default_hop
        return [
            f"each network cable and the switch before it take {hop.value:g} ns ({catalogue().sources[hop.source]})"
        ]


@dataclass(frozen=True)
class SwitchModel:
    """A switch to build from: its ports at the speed wanted, and its name in the catalogue, if it is in there."""

    radix: int
    device: str | None


def switch_model(network: str, bps: float, radix: int | None) -> SwitchModel:
    """The catalogue's switch for ports of this speed, or a faster one whose split ports make the `radix`; another
    `radix` makes it a switch without a name.

    Raises SpecError where neither is there.
    """
    choices = catalogue().networks[network].switches
    split = (
        choice.switch
        for gbit, choice in choices.items()
        if radix is not None and gbit * 1e9 >= bps and choice.ports * (gbit * 1e9 // bps) == radix
    )
    fit = min((gbit for gbit in choices if gbit * 1e9 >= bps), default=None)
    if fit is None and radix is None:
        speed = format_bandwidth(bps)
        raise SpecError(
            Fault(f"the catalogue has no {network} switch with ports of {speed}", "give radix", field="radix")
        )
    known = choices[fit] if fit is not None else None
    if radix is None or (known is not None and known.ports == radix):
        assert known is not None
        return SwitchModel(known.ports, known.switch)
    return SwitchModel(radix, next(split, None))


def nic_model(network: str, bps: float, kind: ServerKind) -> str | None:
    """The catalogue's name of an adapter of this speed: the one that such servers have in this network, or the server's
    own where it fits."""
    known, gbit = catalogue().networks[network], round(bps / 1e9)
    special = known.adapters_of.get(catalogue().accelerators[kind.accelerator].vendor)
    if special is not None:
        return special.get(gbit)
    return kind.nic if bps == kind.nic_bps else known.adapters.get(gbit)
