"""Fabrics side by side: what each is made of, what it costs and draws, and what it carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from ..fabric.graph import Fabric
from ..fabric.metrics import resilience, summary
from .bom import bom
from .hall import Hall
from .quotes import Quotes

AtEqual = Literal["gpus", "cost", "power"]

FAILED_SHARE = 0.05
_TRIALS = 3
_SCALED = (
    *("gpus", "endpoints", "switches", "cables", "transceivers", "racks", "network_power_w", "it_power_w"),
    *("cost_usd", "network_cost_usd", "bisection_bps"),
)
_MEASURE = {"gpus": "gpus", "cost": "cost_usd", "power": "it_power_w"}


@dataclass(frozen=True)
class Row:
    """A fabric in a comparison. Costs are typical ones of the parts with a price; `bisection_left` and `reachable_left`
    are shares, on average, with 1 in 20 switches failed; `scale` is what the counts were multiplied by."""

    fabric: str
    gpus: float
    endpoints: float
    tiers: int
    switches: float
    cables: float
    transceivers: float
    racks: float
    network_power_w: float
    it_power_w: float
    network_cost_usd: float | None
    cost_usd: float | None
    cost_usd_per_gpu: float | None
    bisection_bps: float
    bisection_bps_per_gpu: float
    diameter: int
    oversubscription: float
    bisection_left: float | None
    reachable_left: float | None
    unpriced: tuple[str, ...]
    scale: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"unpriced": list(self.unpriced)}


@dataclass(frozen=True)
class Comparison:
    """Rows in the order given. `at_equal`: what was made equal to that of the first row, by multiplying counts."""

    rows: tuple[Row, ...]
    at_equal: AtEqual | None
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "at_equal": self.at_equal,
            "rows": [row.to_dict() for row in self.rows],
            "assumptions": list(self.assumptions),
        }


def compare(
    fabrics: Sequence[tuple[str, Fabric]],
    at_equal: AtEqual | None = None,
    hall: Hall | None = None,
    quotes: Quotes | None = None,
    seed: int = 0,
) -> Comparison:
    """Measure and price named fabrics; `at_equal` scales the counts of all to the first one's GPUs, cost or power."""
    rows = [_row(name, fabric, hall, quotes, seed) for name, fabric in fabrics]
    if at_equal is not None:
        rows = [_scaled(row, rows[0], _MEASURE[at_equal]) for row in rows]
    return Comparison(tuple(rows), at_equal, tuple(_assumptions(rows, at_equal)))


def _row(name: str, fabric: Fabric, hall: Hall | None, quotes: Quotes | None, seed: int) -> Row:
    shown, bill = summary(fabric), bom(fabric, hall, quotes)
    cost, network = bill.cost_usd(), bill.totals()["network_cost_usd"]
    heads = shown.gpus or shown.endpoints
    left = resilience(fabric, "switches", [FAILED_SHARE], _TRIALS, seed).curve[0] if shown.switches else None
    return Row(
        fabric=name,
        gpus=shown.gpus,
        endpoints=shown.endpoints,
        tiers=len(shown.tiers),
        switches=shown.switches,
        cables=bill.count("cable"),
        transceivers=bill.count("transceiver"),
        racks=bill.racks,
        network_power_w=bill.totals()["network_power_w"],
        it_power_w=bill.power_w(),
        network_cost_usd=network["typical"] if network else None,
        cost_usd=cost["typical"] if cost else None,
        cost_usd_per_gpu=cost["typical"] / heads if cost and heads else None,
        bisection_bps=shown.bisection_bps,
        bisection_bps_per_gpu=shown.bisection_bps / heads if heads else 0.0,
        diameter=shown.diameter,
        oversubscription=shown.oversubscription,
        bisection_left=left.bisection if left else None,
        reachable_left=left.reachable if left else None,
        unpriced=tuple(f"{part.count} {part.name}" for part in bill.unpriced),
    )


def _scaled(row: Row, first: Row, measure: str) -> Row:
    """The row's counts times what makes its `measure` that of the first; as it is where one of them has none."""
    own, goal = getattr(row, measure), getattr(first, measure)
    if not own or not goal:
        return row
    scale = goal / own
    counts = {field.name: getattr(row, field.name) for field in fields(row) if field.name in _SCALED}
    scaled: dict[str, Any] = {name: None if value is None else value * scale for name, value in counts.items()}
    return replace(row, scale=scale, **scaled)


def _assumptions(rows: Sequence[Row], at_equal: AtEqual | None) -> Iterator[str]:
    yield f"what is left: mean of {_TRIALS} draws with {FAILED_SHARE:.0%} of the switches failed"
    if at_equal is not None:
        yield f"counts are scaled in proportion to the first fabric's {at_equal}; no fabric of that size was generated"
    for row in rows:
        if row.unpriced:
            yield f"{row.fabric}: without a price, and not in its cost: {', '.join(row.unpriced)}"
