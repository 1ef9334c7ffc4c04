"""Topology file of htsim's fat tree, out only.

    "Nodes" n  "Tiers" 2|3  "Podsize" n  { "Tier" t  "Downlink_speed_Gbps" n  "Radix_Down" n  ["Radix_Up" n]
        "Downlink_Latency_ns" n  "Switch_Latency_ns" n  "Oversubscribed" n  "Bundle" n }

Tier 0 is next to the hosts; the top has no Radix_Up; Bundle counts parallel cables to the tier below. Source: csg-htsim
sim/datacenter/fat_tree_topology.cpp (`load`, `set_custom_params`), whose conditions are checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import FabricError, Fault
from ..files import replacing
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind

_CURE = "htsim reads even trees of plain hosts with 2 or 3 tiers, such as fat_tree"


@dataclass(frozen=True)
class _Tier:
    """What all switches of a tier share."""

    down: int
    up: int
    below: int  # neighbours in the tier below
    span: int
    down_bps: float
    up_bps: float
    down_latency_ns: int


def write_htsim(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises FabricError for all that keeps the fabric from being such a tree."""
    text = htsim_text(fabric)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def htsim_text(fabric: Fabric) -> str:
    """The file's text. Raises FabricError."""
    _refuse_shape(fabric)
    tiers = [_tier(fabric, level) for level in range(1, int(fabric.column("level").max()) + 1)]
    switch_ns = _switch_ns(fabric)
    faults = list(_faults(tiers, switch_ns))
    if faults:
        raise FabricError(Fault(fault, _CURE) for fault in faults)
    pod = tiers[1].span if len(tiers) == 3 else fabric.ranks
    lines = [f"# {fabric.name}", f"Nodes {fabric.ranks}", f"Tiers {len(tiers)}", f"Podsize {pod}"]
    for number, tier in enumerate(tiers):
        lines += ["", *_tier_lines(number, tier, switch_ns, top=number == len(tiers) - 1)]
    return "\n".join(lines) + "\n"


def _tier_lines(number: int, tier: _Tier, switch_ns: int, top: bool) -> Iterator[str]:
    yield f"Tier {number}"
    yield f"Downlink_speed_Gbps {round(tier.down_bps / 1e9)}"
    yield f"Radix_Down {tier.down}"
    if not top:
        yield f"Radix_Up {tier.up}"
    yield f"Downlink_Latency_ns {tier.down_latency_ns - switch_ns}"
    yield f"Switch_Latency_ns {switch_ns}"
    if not top:
        yield f"Oversubscribed {_ratio(tier):.0f}"
    yield f"Bundle {tier.down // tier.below}"


def _refuse_shape(fabric: Fabric) -> None:
    kind = fabric.node_kind
    if not np.isin(kind, (NodeKind.HOST, *SWITCH_KINDS)).all():
        strange = NodeKind(kind[~np.isin(kind, (NodeKind.HOST, *SWITCH_KINDS))][0]).name.lower()
        raise FabricError(Fault(f"the fabric has nodes of kind {strange}", _CURE))
    level = fabric.column("level")
    if not len(level) or level.min() < 0 or level.max() not in (2, 3):
        raise FabricError(Fault("the fabric is no tree of 2 or 3 tiers", _CURE))
    ports = np.bincount(fabric.link_source, minlength=fabric.nodes)[fabric.endpoints]
    if len(fabric.endpoints) != (kind == NodeKind.HOST).sum() or (ports != 1).any():
        raise FabricError(Fault("a host has no cable, or several", _CURE))


def _tier(fabric: Fabric, level: int) -> _Tier:
    """The figures of the switches of a level, which must be alike. Raises FabricError."""
    levels = fabric.column("level")
    nodes = np.flatnonzero(levels == level)
    step = levels[fabric.link_target] - levels[fabric.link_source]
    mine = (fabric.link_kind == LinkKind.NETWORK) & (levels[fabric.link_source] == level)
    down, up = np.flatnonzero(mine & (step == -1)), np.flatnonzero(mine & (step == 1))
    pairs = np.unique(np.column_stack((fabric.link_source[down], fabric.link_target[down])), axis=0)

    def alike(values: npt.NDArray[np.float64], what: str) -> float:
        if len(values) and values.min() < values.max():
            message = f"tier {level - 1}: {what} from {values.min():g} to {values.max():g}"
            raise FabricError(Fault(message, _CURE))
        return float(values[0]) if len(values) else 0.0

    def each(links: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.bincount(fabric.link_source[links], minlength=fabric.nodes)[nodes].astype(float)

    if len(down) + len(up) != mine.sum():
        raise FabricError(Fault(f"tier {level - 1}: a cable skips a tier or stays in it", _CURE))
    return _Tier(
        down=int(alike(each(down), "cables down")),
        up=int(alike(each(up), "cables up")),
        below=int(alike(np.bincount(pairs[:, 0], minlength=fabric.nodes)[nodes].astype(float), "nodes below")),
        span=int(alike(fabric.column("span")[nodes].astype(float), "hosts below")),
        down_bps=alike(fabric.capacity_bps[down], "rates down"),
        up_bps=alike(fabric.capacity_bps[up], "rates up"),
        down_latency_ns=int(alike(fabric.latency_ns[down].astype(float), "latencies down")),
    )


def _switch_ns(fabric: Fabric) -> int:
    """The latency of a switch: what the way down from a leaf takes longer than the way up from its host."""
    up = np.flatnonzero(fabric.node_kind[fabric.link_source] == NodeKind.HOST)
    return int((fabric.latency_ns[up ^ 1] - fabric.latency_ns[up]).max(initial=0))


def _ratio(tier: _Tier) -> float:
    return tier.down * tier.down_bps / (tier.up * tier.up_bps)


def _faults(tiers: list[_Tier], switch_ns: int) -> Iterator[str]:
    for number, tier in enumerate(tiers):
        if tier.down_bps % 1e9:
            yield f"tier {number}: {tier.down_bps:g} bit/s is no whole number of Gbit/s"
        if tier.down_latency_ns <= switch_ns:
            yield f"tier {number}: a cable's latency is below 1 ns"
        if tier.down % tier.below:
            yield f"tier {number}: {tier.down} cables do not spread evenly over {tier.below} nodes below"
        if number < len(tiers) - 1 and (not tier.up or _ratio(tier) % 1):
            rates = f"{tier.down} x {tier.down_bps:g} bit/s down, {tier.up} x {tier.up_bps:g} up"
            yield f"tier {number}: {rates} is no whole ratio"
    if tiers[0].up and tiers[0].down // tiers[0].up != _ratio(tiers[0]):
        yield "tier 0: cables up and down run at different rates"
