"""Bill of materials: what a fabric is built from, what that costs and draws, and the racks it fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..fabric.catalogue import catalogue, price_range
from ..fabric.check import Finding
from ..fabric.graph import Fabric, LinkKind, NodeKind
from ..fabric.metrics.bisection import bisection
from ..fabric.metrics.switch_graph import switch_graph
from ..fabric.metrics.tiers import tiers
from .cables import cables, unreachable
from .hall import Hall
from .parts import NETWORK_KINDS, Part, parts
from .quotes import Quotes
from .racks import Placement, overloaded, place

Costs = dict[str, float] | None


@dataclass(frozen=True)
class Bom:
    """Parts and totals of a fabric. `rack_w`: what a rack draws on average, and at most. `findings` are faults of the
    plan: a rack over its limits, a cable beyond any reach; `warnings` are what the plan asks of the building."""

    fabric: str
    parts: tuple[Part, ...]
    gpus: int
    endpoints: int
    bisection_bps: float
    hbm_bytes: float
    cpu_memory_bytes: float
    scale_up_bps: float
    racks: int
    rack_w: tuple[float, float]
    pue: float
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]

    def cost_usd(self, kinds: Iterable[str] | None = None) -> Costs:
        """Low, typical and high of all parts with a price, or of those of some kinds; None where none has one."""
        priced = [part.cost_usd() for part in self._of(kinds) if part.price is not None]
        if not priced:
            return None
        return {level: sum(cost[level] for cost in priced if cost) for level in ("low", "typical", "high")}

    def power_w(self, kinds: Iterable[str] | None = None) -> float:
        """What all parts of known power draw, or those of some kinds."""
        return sum(part.power_w or 0.0 for part in self._of(kinds))

    def count(self, *kinds: str) -> int:
        """Pieces of these kinds."""
        return sum(part.count for part in self._of(kinds))

    @property
    def unpriced(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.price is None)

    @property
    def unpowered(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.unit_w is None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "fabric": self.fabric,
            "parts": [part.to_dict() for part in self.parts],
            "totals": self.totals(),
            "warnings": list(self.warnings),
            "findings": [finding.to_dict() for finding in self.findings],
            "assumptions": list(self.assumptions),
        }

    def totals(self) -> dict[str, Any]:
        """Sums, and their shares. Memory is that of all accelerators and all processors; `scale_up_bps` counts both
        directions, as makers do."""
        cost, it_w, network_w = self.cost_usd(), self.power_w(), self.power_w(NETWORK_KINDS)
        typical, heads, gbps = (cost or {}).get("typical"), self.gpus or self.endpoints, self.bisection_bps / 1e9
        return {
            "cost_usd": cost,
            "network_cost_usd": self.cost_usd(NETWORK_KINDS),
            "network_power_w": network_w,
            "it_power_w": it_w,
            "facility_power_w": it_w * self.pue,
            "pue": self.pue,
            "racks": self.racks,
            "rack_power_w": {"mean": self.rack_w[0], "max": self.rack_w[1]},
            "gpus": self.gpus,
            "endpoints": self.endpoints,
            "hbm_bytes": self.hbm_bytes,
            "cpu_memory_bytes": self.cpu_memory_bytes,
            "scale_up_bps": self.scale_up_bps,
            "bisection_bps": self.bisection_bps,
            "cost_usd_per_gpu": _share(typical, heads),
            "it_power_w_per_gpu": _share(it_w, heads),
            "cost_usd_per_gbps_of_bisection": _share(typical, gbps),
            "it_power_w_per_gbps_of_bisection": _share(it_w, gbps),
            "unpriced": [_left_out(part) for part in self.unpriced],
            "unpowered": [_left_out(part) for part in self.unpowered],
        }

    def _of(self, kinds: Iterable[str] | None) -> Iterator[Part]:
        wanted = None if kinds is None else set(kinds)
        return (part for part in self.parts if wanted is None or part.kind in wanted)


def bom(fabric: Fabric, hall: Hall | None = None, quotes: Quotes | None = None) -> Bom:
    """The bill of materials of a fabric in a hall (the catalogue's), at quoted prices where there are any."""
    hall = hall or Hall.of()
    placement = place(fabric, hall)
    laid = cables(fabric, placement, hall)
    listed = parts(fabric, placement, laid, quotes or {})
    rack_w = placement.power_w
    return Bom(
        fabric=fabric.name,
        parts=listed,
        gpus=len(fabric.of_kind(NodeKind.ACCELERATOR)),
        endpoints=fabric.ranks,
        bisection_bps=bisection(fabric, switch_graph(fabric), tiers(fabric)).bps,
        hbm_bytes=_memory_bytes(listed, "accelerator"),
        cpu_memory_bytes=_memory_bytes(listed, "cpu"),
        scale_up_bps=_scale_up_bps(fabric),
        racks=placement.racks,
        rack_w=(float(rack_w.mean()) if len(rack_w) else 0.0, float(rack_w.max(initial=0.0))),
        pue=hall.pue,
        warnings=tuple(_warnings(placement, hall)),
        findings=(*overloaded(placement, hall), *unreachable(fabric, laid)),
        assumptions=tuple(_assumptions(hall, listed)),
    )


def _memory_bytes(listed: Iterable[Part], kind: str) -> float:
    """HBM of accelerators, or memory on processors, where the catalogue has it."""
    known, total = catalogue(), 0.0
    for part in listed:
        if part.kind == kind == "accelerator" and part.name in known.accelerators:
            total += part.count * known.accelerators[part.name].hbm_gb.value * 1e9
        elif part.kind == kind == "cpu":
            memory = known.cpus[part.name].memory_gb
            total += part.count * memory.value * 1e9 if memory else 0.0
    return total


def _scale_up_bps(fabric: Fabric) -> float:
    """Of all links of accelerators among themselves or to NVSwitches, both directions of each."""
    inside = np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI))
    accelerator = fabric.node_kind == NodeKind.ACCELERATOR
    out = float(fabric.capacity_bps[inside & accelerator[fabric.link_source]].sum())
    return out + float(fabric.capacity_bps[inside & accelerator[fabric.link_target]].sum())


def _warnings(placement: Placement, hall: Hall) -> Iterator[str]:
    """Racks that air does not cool, and what liquid costs."""
    hot = placement.power_w[placement.power_w > hall.air_w]
    if not len(hot):
        return
    price = price_range("liquid_cooling_per_mw")
    assert price is not None
    megawatts, low, high = hot.sum() / 1e6, price.low / 1e6, price.high / 1e6
    yield (
        f"{len(hot)} of {placement.racks} racks draw over {hall.air_w / 1e3:g} kW, up to {hot.max() / 1e3:.4g} kW, "
        f"which air does not cool: liquid cooling of {megawatts:.3g} MW costs {low * megawatts:.3g} to "
        f"{high * megawatts:.3g} million USD ({low:g} to {high:g} million per MW)"
    )


def _assumptions(hall: Hall, listed: Iterable[Part]) -> Iterator[str]:
    yield (
        f"racks of {hall.rack_units} units, of which air cools {hall.air_w / 1e3:g} kW and liquid "
        f"{hall.liquid_w / 1e3:g} kW; facility power is {hall.pue:g} times IT power"
    )
    yield "racks are laid out for what machines draw at most; totals add switches without optics and each transceiver"
    yield "a host's power is that of its NVSwitches, memory, disks, fans and supplies; buildings are no parts"
    yield "a direct-attach cable is one cable of the network; splitters would be fewer pieces"
    unverified = [part.name for part in listed if part.price is not None and not part.price.verified]
    if unverified:
        yield f"prices from general knowledge, unverified: {', '.join(dict.fromkeys(unverified))}"


def _left_out(part: Part) -> dict[str, Any]:
    return {"kind": part.kind, "name": part.name, "count": part.count}


def _share(total: float | None, parts_of: float) -> float | None:
    return total / parts_of if total is not None and parts_of else None
