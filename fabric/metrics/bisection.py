"""Bisection bandwidth: what can cross, one way, between two halves of the users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..graph import Fabric, NodeKind
from .partition import Half, flow_bps, halvings
from .switch_graph import SwitchGraph, adjacency
from .tiers import Tier

_MOST_FLOW_ENTRIES = 1_000_000
"""Joined pairs of switches up to which the largest flow takes seconds."""
_MOST_TIERS = 4


@dataclass(frozen=True)
class Bisection:
    """Bit/s one way, and how it was found."""

    bps: float
    method: str


def bisection(fabric: Fabric, graph: SwitchGraph, tiers: tuple[Tier, ...]) -> Bisection:
    """Of the network; of the scale-up links where the fabric has no network.

    A tree's is half of its narrowest tier's bandwidth. Of any other graph it is at most what flows between the best
    halves found.
    """
    if not graph.size:
        return Bisection(
            _scale_up_bps(fabric), "half of the accelerators against the other, inside the scale-up domain"
        )
    if is_tree(fabric):
        above = [tier.up_bps for tier in tiers[:-1]]
        return Bisection(min([graph.injected_bps, *above]) / 2, "half of the tree's narrowest tier")
    halves = halvings(fabric, graph)
    if len(graph.neighbour) > _MOST_FLOW_ENTRIES:
        bps = min(_cut_bps(graph, low) for low in halves)
        return Bisection(bps, f"at most this: the least cut of {len(halves)} halvings tried, switches with their users")
    bps = min(flow_bps(graph, low) for low in halves)
    return Bisection(bps, f"at most this: the least of the largest flows between {len(halves)} pairs of halves tried")


def is_tree(fabric: Fabric) -> bool:
    """Whether every switch covers an interval of the endpoints."""
    switches = (fabric.node_kind >= NodeKind.LEAF) & (fabric.node_kind <= NodeKind.SWITCH)
    return bool(switches.any() and (fabric.column("first")[switches] >= 0).all())


def _scale_up_bps(fabric: Fabric) -> float:
    """Half of what leads to NVSwitches, at the narrower of their tiers, and what joins the first half of the
    accelerators to the second directly."""
    source, target = fabric.link_source, fabric.link_target
    rank = np.full(fabric.nodes, -1)
    rank[fabric.endpoints] = np.arange(fabric.ranks)
    first = (rank >= 0) & (rank < fabric.ranks // 2)
    second = rank >= fabric.ranks // 2
    to_switch = fabric.node_kind[target] == NodeKind.NVSWITCH
    upper = to_switch & (fabric.node_kind[source] == NodeKind.NVSWITCH) & (fabric.column("server")[target] < 0)
    tiers_bps = [fabric.capacity_bps[tier].sum() for tier in (to_switch & (rank[source] >= 0), upper) if tier.any()]
    direct = first[source] & second[target]
    return float(min(tiers_bps, default=0.0) / 2 + fabric.capacity_bps[direct].sum())


def _cut_bps(graph: SwitchGraph, low: Half) -> float:
    """What crosses when each switch sides with most of its users, and one without users with most of its neighbours."""
    side = np.bincount(graph.port_switch, weights=np.where(low, 1.0, -1.0), minlength=graph.size)
    weights = adjacency(graph, graph.capacity_bps)
    for _ in range(_MOST_TIERS):
        side = np.where(graph.ports > 0, side, weights @ np.sign(side))
    here = side > 0
    torn_bps = graph.port_up_bps[low & ~here[graph.port_switch]].sum()
    torn_bps += graph.port_down_bps[~low & here[graph.port_switch]].sum()
    return float(graph.capacity_bps[here[graph.source] & ~here[graph.neighbour]].sum() + torn_bps)
