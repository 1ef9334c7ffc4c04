"""Faults in the wiring of a fabric that a network may have and still be one: what an installer should mend.

Rules, in the order they are looked for: `unreachable`, `dangling`, `speed`, `radix`, `trunk`, `rail`, `guid`, `lid`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from .check_rails import strays
from .graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from .metrics.switch_graph import owners
from .units import format_bandwidth

_ENDS = (NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the rule it breaks, the node or cable, and what is wrong with it."""

    rule: str
    where: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def findings(fabric: Fabric) -> tuple[Finding, ...]:
    """Everything that is wrong with the wiring, in the order of the rules and of the nodes."""
    return tuple(finding for rule in _RULES for finding in rule(fabric))


# ------------------------------------------------------------------------------------------------------- reachability


def _unreachable(fabric: Fabric) -> Iterator[Finding]:
    """Endpoints without a common part of the network; accelerators of a server share its adapters."""
    owner = owners(fabric)[fabric.endpoints]
    parts = _parts_of_owners(fabric)
    groups: dict[frozenset[int], list[int]] = defaultdict(list)
    for place, number in enumerate(owner.tolist()):
        groups[parts.get(number, frozenset((-1 - number,)))].append(place)
    ordered = list(groups.items())
    for number, (mine, places) in enumerate(ordered):
        lost = next((other for theirs, other in islice(ordered, number) if mine.isdisjoint(theirs)), None)
        if lost is not None:
            first, far = (fabric.label(int(fabric.endpoints[group[0]])) for group in (places, lost))
            more = f" and {len(places) - 1} endpoints beside it" if len(places) > 1 else ""
            yield Finding("unreachable", first, f"it{more} cannot reach {far}")


def _parts_of_owners(fabric: Fabric) -> dict[int, frozenset[int]]:
    """The connected parts of the switched network that each owner is plugged into."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    source, target = fabric.link_source, fabric.link_target
    network = fabric.link_kind == LinkKind.NETWORK
    joined = network & ((switch[source] == switch[target]) | bool(fabric.meta.get("hosts_forward")))
    ones = np.ones(int(joined.sum()), dtype=np.int8)
    graph = coo_array((ones, (source[joined], target[joined])), (fabric.nodes, fabric.nodes))
    part = connected_components(graph, directed=False)[1]
    ports = np.flatnonzero(network & ~switch[source])
    ends = np.where(switch[target[ports]], target[ports], source[ports])
    pairs = np.unique(np.column_stack((owners(fabric)[source[ports]], part[ends])), axis=0)
    parts: dict[int, set[int]] = defaultdict(set)
    for owner, number in pairs.tolist():
        parts[owner].add(number)
    return {owner: frozenset(numbers) for owner, numbers in parts.items()}


def _dangling(fabric: Fabric) -> Iterator[Finding]:
    """Adapters, hosts and switches without a network cable; a server without any switch has no network to miss."""
    if not len(fabric.of_kind(*SWITCH_KINDS)):
        return
    network = fabric.link_kind == LinkKind.NETWORK
    cables = np.bincount(fabric.link_source[network], minlength=fabric.nodes)
    for node in fabric.of_kind(*_ENDS, *SWITCH_KINDS).tolist():
        if not cables[node]:
            yield Finding("dangling", fabric.label(node), "no cable of the network is plugged in")


# -------------------------------------------------------------------------------------------------- cables and trunks


def _speed(fabric: Fabric) -> Iterator[Finding]:
    """Cables slower one way than the other, and cables of one trunk at different rates."""
    forth, back = fabric.capacity_bps[::2], fabric.capacity_bps[1::2]
    for cable in np.flatnonzero(forth != back).tolist():
        rates = f"{format_bandwidth(forth[cable])} that way, {format_bandwidth(back[cable])} back"
        yield Finding("speed", fabric.link_label(2 * cable), rates)
    trunks = _trunks(fabric)
    for trunk in np.flatnonzero(trunks.slowest_bps < trunks.fastest_bps).tolist():
        slow, fast = format_bandwidth(trunks.slowest_bps[trunk]), format_bandwidth(trunks.fastest_bps[trunk])
        yield Finding("speed", trunks.label(fabric, trunk), f"a cable of {slow} beside one of {fast}")


def _radix(fabric: Fabric) -> Iterator[Finding]:
    """Nodes with more cables, or a cable at a higher port, than they have ports; reduction units sit on inner ports,
    and the bus inside a server on none."""
    radix = fabric.column("radix").astype(np.int64)
    inner = fabric.node_kind == NodeKind.AGGREGATION
    outer = ~inner[fabric.link_source] & ~inner[fabric.link_target] & (fabric.link_kind != LinkKind.PCIE)
    source, port = fabric.link_source[outer], fabric.port[outer].astype(np.int64)
    cables = np.bincount(source, minlength=fabric.nodes)
    highest = np.zeros(fabric.nodes, dtype=np.int64)
    np.maximum.at(highest, source, port)
    for node in np.flatnonzero((radix > 0) & (np.maximum(cables, highest) > radix)).tolist():
        message = f"{cables[node]} cables, the last at port {highest[node]}, on {radix[node]} ports"
        yield Finding("radix", fabric.label(node), message)


def _trunk(fabric: Fabric) -> Iterator[Finding]:
    """Switches with fewer cables to one switch of a higher tier than to another."""
    trunks, kind = _trunks(fabric), fabric.node_kind
    upward = kind[trunks.source] < kind[trunks.target]
    most = np.zeros(fabric.nodes, dtype=np.int64)
    np.maximum.at(most, trunks.source[upward], trunks.cables[upward])
    for trunk in np.flatnonzero(upward & (trunks.cables < most[trunks.source])).tolist():
        have, elsewhere = trunks.cables[trunk], most[trunks.source[trunk]]
        message = f"{have} cable{'s' if have > 1 else ''}; {elsewhere} to another switch of that tier"
        yield Finding("trunk", trunks.label(fabric, trunk), message)


@dataclass(frozen=True, eq=False)
class _Trunks:
    """Parallel cables from one switch to another, by ordered pair of node ids."""

    source: Ints
    target: Ints
    cables: Ints
    slowest_bps: npt.NDArray[np.float64]
    fastest_bps: npt.NDArray[np.float64]

    def label(self, fabric: Fabric, trunk: int) -> str:
        return f"{fabric.label(int(self.source[trunk]))} -> {fabric.label(int(self.target[trunk]))}"


def _trunks(fabric: Fabric) -> _Trunks:
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    links = np.flatnonzero(switch[fabric.link_source] & switch[fabric.link_target])
    pair = fabric.link_source[links].astype(np.int64) * fabric.nodes + fabric.link_target[links]
    order = np.argsort(pair, kind="stable")
    pairs, start, cables = np.unique(pair[order], return_index=True, return_counts=True)
    rate = fabric.capacity_bps[links[order]]
    return _Trunks(
        source=pairs // max(1, fabric.nodes),
        target=pairs % max(1, fabric.nodes),
        cables=cables,
        slowest_bps=np.minimum.reduceat(rate, start) if len(start) else rate,
        fastest_bps=np.maximum.reduceat(rate, start) if len(start) else rate,
    )


def _rail(fabric: Fabric) -> Iterator[Finding]:
    for link, message in strays(fabric):
        yield Finding("rail", fabric.link_label(link), message)


# ------------------------------------------------------------------------------------------------------------- names


def _guid(fabric: Fabric) -> Iterator[Finding]:
    """Switches that share a node GUID, ports that share a port GUID."""
    switches = fabric.of_kind(*SWITCH_KINDS)
    yield from _shared(fabric, switches, fabric.column("guid")[switches], "node GUID")
    ends = fabric.of_kind(*_ENDS, NodeKind.AGGREGATION)
    yield from _shared(fabric, ends, fabric.column("port_guid")[ends], "port GUID")


def _shared(
    fabric: Fabric, nodes: npt.NDArray[np.int32], guids: npt.NDArray[np.uint64], what: str
) -> Iterator[Finding]:
    first: dict[int, int] = {}
    for node, guid in zip(nodes.tolist(), guids.tolist(), strict=True):
        if guid and first.setdefault(guid, node) != node:
            yield Finding("guid", fabric.label(node), f"{what} 0x{guid:x} is that of {fabric.label(first[guid])} too")


def _lid(fabric: Fabric) -> Iterator[Finding]:
    """LIDs lid to lid + 2^lmc - 1 belong to one port (InfiniBand Architecture Specification 1, section 4.1.3)."""
    lid = fabric.column("lid").astype(np.int64)
    own = np.flatnonzero(lid > 0)
    own = own[np.argsort(lid[own], kind="stable")]
    last = lid[own] + (1 << np.maximum(fabric.column("lmc")[own], 0).astype(np.int64)) - 1
    reach = np.maximum.accumulate(last)
    holder = np.maximum.accumulate(np.where(last == reach, np.arange(len(own)), 0))
    for place in np.flatnonzero(lid[own[1:]] <= reach[:-1]).tolist():
        taken = fabric.label(int(own[holder[place]]))
        yield Finding("lid", fabric.label(int(own[place + 1])), f"LID {lid[own[place + 1]]} is that of {taken} too")


_RULES: tuple[Callable[[Fabric], Iterator[Finding]], ...] = (
    _unreachable,
    _dangling,
    _speed,
    _radix,
    _trunk,
    _rail,
    _guid,
    _lid,
)
