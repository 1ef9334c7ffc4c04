"""Power and price of the devices that the catalogue knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..catalogue import catalogue
from ..graph import SWITCH_KINDS, Fabric, NodeKind


@dataclass(frozen=True)
class Price:
    """Sums over devices; None where none is known. `unpriced`, `unpowered`: what is left out of each, in words."""

    cost_usd: float | None
    power_w: float | None
    unpriced: tuple[str, ...]
    unpowered: tuple[str, ...]


def price(fabric: Fabric) -> Price:
    """Accelerators, adapters and switches at the catalogue's typical figures; cables and hosts are not in it."""
    figures = [(count, name, *_figures(name)) for name, count in _counts(fabric).items()]
    costs = [count * cost for count, _, cost, _ in figures if cost is not None]
    powers = [count * power for count, _, _, power in figures if power is not None]
    return Price(
        cost_usd=sum(costs) if costs else None,
        power_w=sum(powers) if powers else None,
        unpriced=tuple(f"{count} {name}" for count, name, cost, _ in figures if cost is None),
        unpowered=tuple(f"{count} {name}" for count, name, _, power in figures if power is None),
    )


def _counts(fabric: Fabric) -> dict[str, int]:
    """Devices by name in the catalogue, or by what they are."""
    device, names = fabric.column("device"), fabric.meta.get("devices", [])
    counts = {name: int((device == number).sum()) for number, name in enumerate(names)}
    for kind in (NodeKind.ACCELERATOR, NodeKind.NIC, NodeKind.NVSWITCH, *SWITCH_KINDS):
        nameless = int(((fabric.node_kind == kind) & ((device < 0) | (device >= len(names)))).sum())
        counts[f"{kind.name.lower()} of no known make"] = nameless
    return {name: count for name, count in counts.items() if count}


def _figures(name: str) -> tuple[float | None, float | None]:
    """USD and watts of one device."""
    known = catalogue()
    if name in known.switches:
        switch = known.switches[name]
        return _value(switch.price_usd), _value(switch.power_typ_w or switch.power_max_w)
    if name in known.nics:
        return _value(known.nics[name].price_usd), _value(known.nics[name].power_w)
    if name in known.accelerators:
        return _value(known.accelerators[name].price_usd), _value(known.accelerators[name].tdp_w)
    return None, None


def _value(fact: object) -> float | None:
    return None if fact is None else float(np.asarray(fact.value))  # type: ignore[attr-defined]
