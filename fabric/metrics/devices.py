"""Power and price: sums over the devices that the catalogue knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..catalogue import Value, catalogue
from ..graph import Fabric, NodeKind


@dataclass(frozen=True)
class Totals:
    """Sums over the known devices, None where none is known; and the parts without, as `"32 nvswitch"`."""

    power_w: float | None
    cost_usd: float | None
    unpowered: tuple[str, ...]
    unpriced: tuple[str, ...]
    unverified: bool
    """Whether some of the values come from general knowledge."""


def totals(fabric: Fabric) -> Totals:
    """What all accelerators, NVSwitches, adapters and switches draw and cost; hosts and cables are not in it."""
    names = fabric.meta.get("devices", [])
    parts = Counter(
        (NodeKind(kind).name.lower(), names[device] if 0 <= device < len(names) else None)
        for kind, device in zip(fabric.node_kind.tolist(), fabric.column("device").tolist(), strict=True)
        if kind != NodeKind.AGGREGATION
    )
    figures = [(count, device or kind, _figures(device)) for (kind, device), count in sorted(parts.items(), key=str)]
    power = [(count, watts) for count, _, (watts, _) in figures if watts is not None]
    price = [(count, usd) for count, _, (_, usd) in figures if usd is not None]
    return Totals(
        power_w=sum(count * watts.value for count, watts in power) if power else None,
        cost_usd=sum(count * usd.value for count, usd in price) if price else None,
        unpowered=tuple(f"{count} {part}" for count, part, (watts, _) in figures if watts is None),
        unpriced=tuple(f"{count} {part}" for count, part, (_, usd) in figures if usd is None),
        unverified=not all(value.verified for _, value in power + price),
    )


def _figures(device: str | None) -> tuple[Value[float] | None, Value[float] | None]:
    """Watts and US dollars of one."""
    known = catalogue()
    if device is None:
        return None, None
    if device in known.accelerators:
        accelerator = known.accelerators[device]
        return accelerator.tdp_w, accelerator.price_usd
    if device in known.nics:
        return known.nics[device].power_w, known.nics[device].price_usd
    if device in known.switches:
        return known.switches[device].power_typ_w, known.switches[device].price_usd
    return None, None
