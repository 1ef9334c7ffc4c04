"""Power and price of the devices that the catalogue knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..catalogue import catalogue, price_range
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind


@dataclass(frozen=True)
class Price:
    """Sums over devices; None where none is known. `unpriced`, `unpowered`: what is left out of each, in words."""

    cost_usd: float | None
    power_w: float | None
    unpriced: tuple[str, ...]
    unpowered: tuple[str, ...]


def price(fabric: Fabric) -> Price:
    """Accelerators, adapters and switches at the catalogue's typical figures; cables and hosts with the NVSwitches in
    them are not in it."""
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
    device, names, bought = fabric.column("device"), fabric.meta.get("devices", []), ~on_chip(fabric)
    counts = {name: int((bought & (device == number)).sum()) for number, name in enumerate(names)}
    for kind in (NodeKind.ACCELERATOR, NodeKind.NIC, *SWITCH_KINDS):
        nameless = int((bought & (fabric.node_kind == kind) & ((device < 0) | (device >= len(names)))).sum())
        counts[f"{kind.name.lower()} of no known make"] = nameless
    return {name: count for name, count in counts.items() if count}


def on_chip(fabric: Fabric) -> npt.NDArray[np.bool_]:
    """The nodes that are parts of an accelerator's chip: a router inside a server, and what joins it to one."""
    server = fabric.column("server")
    router = np.isin(fabric.node_kind, SWITCH_KINDS) & (server >= 0)
    inner = (fabric.link_kind == LinkKind.NETWORK) & router[fabric.link_target]
    inner &= server[fabric.link_source] == server[fabric.link_target]
    joined = np.zeros(fabric.nodes, dtype=bool)
    joined[fabric.link_source[inner]] = True
    return router | (joined & (fabric.node_kind == NodeKind.NIC))


def _figures(name: str) -> tuple[float | None, float | None]:
    """USD and watts of one device."""
    known, cost, power = catalogue(), price_range(name), None
    if name in known.switches:
        power = known.switches[name].power_typ_w or known.switches[name].power_max_w
    elif name in known.nics:
        power = known.nics[name].power_w
    elif name in known.accelerators:
        power = known.accelerators[name].tdp_w
    return cost.typical if cost else None, power.value if power else None
