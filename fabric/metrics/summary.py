"""A fabric in a dozen numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from ..routing import scale_up
from .bisection import Bisection, bisection
from .distance import Distances, distances
from .price import Price, price
from .switch_graph import SwitchGraph, switch_graph
from .tiers import Tier, tiers


@dataclass(frozen=True)
class Summary:
    """Counts and figures. `cables` are the network's (a scale-up domain alone: its NVLink bundles), `links` their two
    directions. `diameter`: hops between switches that carry hosts. `oversubscription`: what all endpoints can send
    over twice the bisection. `assumptions` say what each figure rests on."""

    fabric: str
    endpoints: int
    gpus: int
    switches: int
    nvswitches: int
    cables: int
    links: int
    diameter: int
    bisection_bps: float
    tiers: tuple[Tier, ...]
    power_w: float | None
    cost_usd: float | None
    oversubscription: float
    unpriced: tuple[str, ...]
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def summary(fabric: Fabric) -> Summary:
    """Count, measure and price a fabric."""
    graph, levels = switch_graph(fabric), tiers(fabric)
    far, cut, worth = distances(graph), bisection(fabric, graph, levels), price(fabric)
    cables = _cables(fabric)
    return Summary(
        fabric=fabric.name,
        endpoints=fabric.ranks,
        gpus=len(fabric.of_kind(NodeKind.ACCELERATOR)),
        switches=len(fabric.of_kind(*SWITCH_KINDS)),
        nvswitches=len(fabric.of_kind(NodeKind.NVSWITCH)),
        cables=cables,
        links=2 * cables,
        diameter=far.diameter,
        bisection_bps=cut.bps,
        tiers=levels,
        power_w=worth.power_w,
        cost_usd=worth.cost_usd,
        oversubscription=_oversubscription(fabric, graph, cut),
        unpriced=worth.unpriced,
        assumptions=(*fabric.meta.get("assumptions", []), *_assumptions(far, cut, worth)),
    )


def _cables(fabric: Fabric) -> int:
    kind = fabric.link_kind[::2]
    network = int((kind == LinkKind.NETWORK).sum())
    return network or int((kind == LinkKind.NVLINK).sum())


def _oversubscription(fabric: Fabric, graph: SwitchGraph, cut: Bisection) -> float:
    up = scale_up(fabric).links
    injected_bps = graph.injected_bps if graph.size else float(fabric.capacity_bps[up].sum())
    return injected_bps / (2 * cut.bps) if injected_bps and cut.bps else 1.0


def _assumptions(far: Distances, cut: Bisection, worth: Price) -> Iterator[str]:
    yield f"bisection: {cut.method}"
    if not far.exact:
        yield f"diameter: at least this, seen {far.method}"
    if not far.connected:
        yield "diameter: of the connected parts; not every switch can reach every other"
    yield "power and cost are those of accelerators, adapters and switches; hosts, cables and optics are not in them"
    if worth.unpriced:
        yield f"without a price: {', '.join(worth.unpriced)}"
    if worth.unpowered:
        yield f"without a power: {', '.join(worth.unpowered)}"
