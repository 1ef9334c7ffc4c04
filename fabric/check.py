"""Faults in the wiring of a fabric that holds together as a graph but not as a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from scipy import sparse

from .graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from .metrics.tiers import levels, network_links
from .units import format_bandwidth

_PORT_OWNERS = (NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE)


@dataclass(frozen=True)
class Finding:
    """One fault: the rule that is broken, what is wrong, and at which node or cable."""

    rule: str
    message: str
    where: str

    def to_dict(self) -> dict[str, str]:
        return dict(vars(self))


def findings(fabric: Fabric) -> tuple[Finding, ...]:
    """Everything wrong with the wiring, by rule; empty when it is sound."""
    return tuple(Finding(rule, message, where) for rule, look in RULES.items() for where, message in look(fabric))


Faults = Iterator[tuple[str, str]]


def _unreachable(fabric: Fabric) -> Faults:
    """Endpoints reach each other inside a scale-up domain, or where switches join a port of one to one of the other."""
    groups = list(_by_network_parts(fabric))
    domain = fabric.column("server")
    for number, (parts, group) in enumerate(groups):
        up_to_itself = (other for other_parts, other in islice(groups, number + 1) if parts.isdisjoint(other_parts))
        pair = next(filter(None, (_domains_apart(domain, group, other) for other in up_to_itself)), None)
        if pair is not None:
            more = f"and {len(group) - 1} more like it " if len(group) > 1 else ""
            yield fabric.label(pair[0]), f"{more}cannot reach {fabric.label(pair[1])}"


def _by_network_parts(fabric: Fabric) -> Iterator[tuple[frozenset[int], npt.NDArray[np.int32]]]:
    """Endpoints grouped by the parts of the switched network that their ports, or those of their adapters, are in."""
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    source, target = fabric.link_source, fabric.link_target
    joined = network_links(fabric) & switch[source] & switch[target]
    ends = (source[joined], target[joined])
    graph = sparse.coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), (fabric.nodes, fabric.nodes))
    part = sparse.csgraph.connected_components(graph.tocsr(), directed=False)[1]
    ports = network_links(fabric) & switch[target] & ~switch[source]
    parts_of: dict[int, set[int]] = defaultdict(set)
    for node, label in zip(source[ports].tolist(), part[target[ports]].tolist(), strict=True):
        parts_of[node].add(label)
    bus = (fabric.link_kind == LinkKind.PCIE) & (fabric.node_kind[source] == NodeKind.ACCELERATOR)
    for node, adapter in zip(source[bus].tolist(), target[bus].tolist(), strict=True):
        parts_of[node] |= parts_of[adapter]
    groups: dict[frozenset[int], list[int]] = defaultdict(list)
    for node in fabric.endpoints.tolist():
        groups[frozenset(parts_of[node])].append(node)
    yield from ((parts, np.array(nodes, dtype=np.int32)) for parts, nodes in groups.items())


def _domains_apart(
    domain: npt.NDArray[np.int32], group: npt.NDArray[np.int32], other: npt.NDArray[np.int32]
) -> tuple[int, int] | None:
    """One endpoint of each group that no scale-up domain joins; None where all are in one domain."""
    first = int(group[0])
    far = other[((domain[other] != domain[first]) | (domain[other] < 0)) & (other != first)]
    if len(far):
        return first, int(far[0])
    apart = group[domain[group] != domain[first]]
    return (int(apart[0]), int(other[0])) if len(apart) else None


def _two_speeds(fabric: Fabric) -> Faults:
    """Both directions of a cable run at one speed."""
    forth, back = fabric.capacity_bps[0::2], fabric.capacity_bps[1::2]
    for cable in np.flatnonzero(forth != back).tolist():
        speeds = f"{format_bandwidth(forth[cable])} one way, {format_bandwidth(back[cable])} back"
        yield fabric.link_label(2 * cable), speeds


def _trunk_speed(fabric: Fabric) -> Faults:
    """All cables between two nodes run at one speed."""
    links, start = _trunks(fabric)
    capacity = fabric.capacity_bps[links]
    low, high = (extreme.reduceat(capacity, start) if len(start) else capacity for extreme in (np.minimum, np.maximum))
    for trunk in np.flatnonzero(low != high).tolist():
        speeds = f"cables of one trunk run at {format_bandwidth(low[trunk])} and {format_bandwidth(high[trunk])}"
        yield _pair_label(fabric, int(links[start[trunk]])), speeds


def _uneven_trunks(fabric: Fabric) -> Faults:
    """A switch has equally many cables to each switch above it."""
    level = levels(fabric)
    if level is None:
        return
    links, start = _trunks(fabric)
    cables = np.diff(start, append=len(links))
    low, high = fabric.link_source[links[start]], fabric.link_target[links[start]]
    rises = (level[high] == level[low] + 1) & np.isin(fabric.node_kind[low], SWITCH_KINDS)
    low, cables = low[rises], cables[rises]
    fewest, most = np.full(fabric.nodes, np.iinfo(np.int64).max), np.zeros(fabric.nodes, dtype=np.int64)
    np.minimum.at(fewest, low, cables)
    np.maximum.at(most, low, cables)
    for node in np.flatnonzero(fewest < most).tolist():
        yield fabric.label(node), f"has {fewest[node]} to {most[node]} cables to the switches above it"


def _trunks(fabric: Fabric) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Network links sorted by their two ends, one direction each way, and where each pair's run begins."""
    used = np.flatnonzero(network_links(fabric))
    pair = fabric.link_source[used].astype(np.int64) * fabric.nodes + fabric.link_target[used]
    order = np.argsort(pair, kind="stable")
    ordered = pair[order]
    return used[order], np.flatnonzero(np.diff(ordered, prepend=-1))


def _duplicate_guids(fabric: Fabric) -> Faults:
    """A port GUID belongs to one port, a switch's node GUID to one switch."""
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    everywhere = np.ones(fabric.nodes, dtype=bool)
    for column, among in (("port_guid", everywhere), ("guid", switch)):
        values = fabric.column(column)
        for first, second in _repeats(np.where(among, values, 0)):
            yield fabric.label(second), f"has the {column} {int(values[first]):#018x} of {fabric.label(first)}"


def _repeats(values: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """(first holder, another) of each value above zero that stands more than once."""
    order = np.argsort(values, kind="stable")
    order = order[values[order] > 0]
    run = np.flatnonzero(values[order[1:]] == values[order[:-1]])
    starts = np.searchsorted(values[order], values[order])
    yield from ((int(order[starts[i + 1]]), int(order[i + 1])) for i in run.tolist())


def _duplicate_lids(fabric: Fabric) -> Faults:
    """The LIDs lid .. lid + 2^lmc - 1 of a port belong to it alone."""
    lid = fabric.column("lid").astype(np.int64)
    own = np.flatnonzero(lid > 0)
    own = own[np.argsort(lid[own], kind="stable")]
    last = lid[own] + (1 << np.maximum(fabric.column("lmc")[own], 0).astype(np.int64)) - 1
    reach = np.maximum.accumulate(last)
    holder = np.maximum.accumulate(np.where(last == reach, np.arange(len(own)), 0))
    for i in np.flatnonzero(lid[own[1:]] <= reach[:-1]).tolist():
        owner = fabric.label(int(own[holder[i]]))
        yield fabric.label(int(own[i + 1])), f"has the LID {lid[own[i + 1]]} of {owner}"


def _radix_overflow(fabric: Fabric) -> Faults:
    """A switch has no more cables, and no higher port number, than its ports."""
    radix = fabric.column("radix").astype(np.int64)
    inside = fabric.node_kind == NodeKind.AGGREGATION
    real = ~inside[fabric.link_target] & ~inside[fabric.link_source]
    cables = np.bincount(fabric.link_source[real], minlength=fabric.nodes)
    highest = np.zeros(fabric.nodes, dtype=np.int64)
    np.maximum.at(highest, fabric.link_source[real], fabric.port[real].astype(np.int64))
    for node in np.flatnonzero((radix >= 0) & (np.maximum(cables, highest) > radix)).tolist():
        yield (
            fabric.label(node),
            f"has {cables[node]} cables, the last at port {highest[node]}, and {radix[node]} ports",
        )


def _dangling(fabric: Fabric) -> Faults:
    """Where there are switches, every host, adapter and switch has a cable; accelerators are never loose."""
    degree = np.bincount(fabric.link_source[network_links(fabric)], minlength=fabric.nodes)
    networked = np.isin(fabric.node_kind, SWITCH_KINDS)
    needy = np.isin(fabric.node_kind, _PORT_OWNERS) | networked if networked.any() else networked
    any_cable = np.bincount(fabric.link_source, minlength=fabric.nodes) > 0
    loose = (needy & (degree == 0)) | ((fabric.node_kind == NodeKind.ACCELERATOR) & ~any_cable)
    for node in np.flatnonzero(loose).tolist():
        yield fabric.label(node), "has no network cable" if needy[node] else "has no cable"


def _pair_label(fabric: Fabric, link: int) -> str:
    return f"{fabric.label(int(fabric.link_source[link]))} -> {fabric.label(int(fabric.link_target[link]))}"


RULES: dict[str, Callable[[Fabric], Faults]] = {
    "unreachable": _unreachable,
    "two-speeds": _two_speeds,
    "trunk-speed": _trunk_speed,
    "uneven-trunk": _uneven_trunks,
    "duplicate-guid": _duplicate_guids,
    "duplicate-lid": _duplicate_lids,
    "radix-overflow": _radix_overflow,
    "dangling": _dangling,
}
"""Name of each rule -> what finds its breaches, as (where, message)."""
