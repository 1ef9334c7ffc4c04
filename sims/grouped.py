"""A uniform all-to-all run by commodities (see `commodities`), on the fluid rung."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..fabric.errors import InputError, WorkloadError
from ..fabric.graph import Fabric
from ..fabric.routing import Spread
from .commodities import Cables, Commodities, Groups, all_pairs, cables_of, can_group, groups_of
from .engine import simulate_flows
from .network import Network, network_for
from .traffic_result import TrafficResult
from .transports import Subflows
from .transports.delays import delays
from .transports.fair import filled
from .transports.subflows import Batch, Delivery, Lines

MOST_HOPS = 150_000_000


MOST_LISTED_RANKS = 500
"""Beyond, all pairs with all their equal-cost links take gigabytes."""


def is_better_grouped(fabric: Fabric) -> bool:
    """Whether the pairs of ranks are too many to list, and can be grouped."""
    return fabric.ranks > MOST_LISTED_RANKS and can_group(fabric)


def grouped_all_to_all(
    fabric: Fabric,
    size_bytes: int,
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "fluid",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    certify: bool = True,
) -> TrafficResult:
    """Every rank sends `size_bytes` to every other from time 0: one row per commodity, whose `stands_for` says for how
    many flows; `src` and `dst` are one pair of them.

    Raises:
        InputError: another rung than fluid, ranks that cannot be grouped, more rows than can be held.
    """
    if fidelity != "fluid":
        raise InputError("groups of ranks share paths only at fidelity fluid", "use fidelity fluid")
    network = network_for(fabric, fidelity, transport, routing, seed, parameters or {})
    groups = groups_of(fabric)
    rows = all_pairs(groups)
    spread = _spread(network, rows)
    lines = Lines(fabric, network.payload_bps)
    each = Batch(Subflows.along(spread), np.full(len(rows.pairs), float(size_bytes)), np.zeros(len(rows.pairs)))
    packets = network.carrier.packets
    if packets is not None and np.isfinite(packets.window_bytes):
        raise InputError("windows are not known to groups of ranks", "leave out transport.window")
    latency_s = delays(packets, lines, each).forward_s
    sent = filled(packets, lines, each) if packets is not None else each.size_bytes
    cables, pairs = cables_of(fabric, groups), rows.pairs.astype(np.float64)
    whole = _together(cables, groups, rows, spread)
    ran = simulate_flows(
        *(whole.indptr, whole.links, network.payload_bps, sent * pairs),
        shares=whole.shares,
        weights=pairs,
        certify=certify,
    )
    finish_s = ran.finish_s + latency_s
    carried = np.bincount(whole.links, whole.shares * (size_bytes * pairs)[whole.owner], fabric.links)
    link_bytes = cables.on_all_members(groups, carried.astype(np.float64))
    return TrafficResult(
        np.arange(len(pairs)),
        rows.src,
        rows.dst,
        np.full(len(pairs), size_bytes),
        each.start_s,
        finish_s,
        8 * size_bytes / finish_s,
        latency_s,
        link_bytes,
        network.bottleneck(Batch(whole, sent * pairs, each.start_s), Delivery(finish_s, latency_s), link_bytes),
        (
            *network.assumptions(),
            "Pairs of ranks that are alike are solved as one commodity, which is exact as traffic splits evenly.",
        ),
        stands_for=rows.pairs,
    )


def _spread(network: Network, rows: Commodities) -> Spread:
    """The split of each commodity's pair. Raises WorkloadError where all of them would not fit."""
    longest = network.router.spread(rows.src[-1:], rows.dst[-1:])
    if len(longest.links) * len(rows.pairs) > MOST_HOPS:
        message = f"all-to-all of {network.fabric.ranks} ranks is {len(rows.pairs)} commodities of some"
        raise WorkloadError(f"{message} {len(longest.links)} links", "use fewer ranks")
    return network.router.spread(rows.src, rows.dst)


def _together(cables: Cables, groups: Groups, rows: Commodities, spread: Spread) -> Subflows:
    """The commodities on the links between switches and on the cables of each group's first member: of what a group
    sends or receives, one cable carries the part of the members that it serves."""
    numbers = np.arange(len(rows.pairs))
    owner = np.repeat(numbers, np.diff(spread.indptr))
    end = np.where(cables.up[spread.links], rows.src[owner], rows.dst[owner])
    own, group = cables.owned[spread.links], groups.group[end]
    links, shares = spread.links.copy(), spread.shares.copy()
    links[own] = cables.of(groups.first[group[own]], spread.links[own])
    shares[own] *= cables.users[links[own]] / groups.sizes[group[own]]
    return Subflows(numbers, np.ones(len(numbers)), spread.indptr, links, shares)
