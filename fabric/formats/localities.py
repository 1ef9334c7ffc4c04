"""How near the machines of a fabric are, as a scheduler sees it: one tree of groups, whatever the wiring.

A scheduler's node is a server, a host, or a compute tray of a rack-sized scale-up domain. Nodes on common switches make
the innermost groups; those whose switches are joined by cables of the next tier (in a direct network: inside a pod,
then anywhere) the next ones. A Clos of many spines so becomes a tree of one logical switch per group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..catalogue import server_kind, server_with
from ..errors import Fault, InputError
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from ..metrics.tiers import levels

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """A logical switch: its name, and the numbers of its nodes."""

    name: str
    nodes: Integers


@dataclass(frozen=True, eq=False)
class Localities:
    """`nodes`: names, in rank order. `tiers`: groups from the innermost tier outwards, each tier inside the next; the
    last is one group. `domains`: groups of nodes that share a scale-up domain, where that spans several nodes."""

    nodes: tuple[str, ...]
    tiers: tuple[tuple[Group, ...], ...]
    domains: tuple[Group, ...]

    def names(self, group: Group) -> list[str]:
        return [self.nodes[number] for number in group.nodes.tolist()]


@dataclass(frozen=True, eq=False)
class SchedulerNodes:
    """What a scheduler gives to jobs. `of_node` int64[nodes of the fabric]: the one it is part of, -1 for none.
    `domain` int64[len(names)]: the scale-up domain that it shares with others, -1 for none."""

    names: tuple[str, ...]
    of_node: Integers
    domain: Integers


def localities(fabric: Fabric) -> Localities:
    """The nodes and groups of a fabric. Raises InputError for one without switches, or in parts."""
    known = scheduler_nodes(fabric)
    names, node = known.names, known.of_node
    switches = fabric.of_kind(*SWITCH_KINDS)
    if not len(switches) or not len(names):
        raise InputError("there is no network between machines", "give a fabric with servers or hosts on switches")
    tiers: list[tuple[Group, ...]] = []
    for stage, cables in enumerate(_stages(fabric)):
        label, of_switch = _parts(fabric, node, len(names), switches, cables)
        if not tiers or label.max() + 1 < len(tiers[-1]):
            tiers.append(tuple(_groups(fabric, label, switches, of_switch, stage)))
    if len(tiers[-1]) > 1:
        lost = ", ".join(names[int(group.nodes[0])] for group in tiers[-1][:4])
        fault = Fault(f"{len(tiers[-1])} parts of the network are not joined, those of {lost}", "join them")
        raise InputError(fault)
    return Localities(names, tuple(tiers), tuple(_domains(known.domain)))


def scheduler_nodes(fabric: Fabric) -> SchedulerNodes:
    """The machines of a fabric under the names that its Slurm files and node labels give them."""
    tray, trays = _trays(fabric)
    hosts = np.where(fabric.node_kind == NodeKind.HOST, np.arange(fabric.nodes), -1)
    server = fabric.column("server").astype(np.int64)
    inside = np.isin(fabric.node_kind, (NodeKind.ACCELERATOR, NodeKind.NIC)) & (server >= 0)
    first = np.cumsum(trays) - trays
    node = np.where(inside, np.append(first, 0)[server] + tray, -1)
    own = np.flatnonzero((hosts >= 0) & (server < 0))
    node[own] = trays.sum() + np.arange(len(own))
    domain = np.repeat(np.arange(len(trays)), trays)
    several = trays[domain] > 1
    number = np.arange(len(domain)) - first[domain]
    names = [
        f"tray-{rack}-{place}" if many else f"server-{rack}"
        for rack, place, many in zip(domain.tolist(), number.tolist(), several.tolist(), strict=True)
    ]
    names += [_plain(fabric.label(host)) for host in own.tolist()]
    return SchedulerNodes(tuple(names), node, np.r_[np.where(several, domain, -1), np.full(len(own), -1)])


def _trays(fabric: Fabric) -> tuple[Integers, Integers]:
    """The compute tray of each accelerator and adapter in its server, and the trays of each server; 0 and 1 in a server
    that is one machine."""
    server = fabric.column("server").astype(np.int64)
    servers = int(server.max(initial=-1)) + 1
    trays, tray = np.ones(servers, dtype=np.int64), np.zeros(fabric.nodes, dtype=np.int64)
    accelerators = fabric.of_kind(NodeKind.ACCELERATOR)
    accelerators = accelerators[server[accelerators] >= 0]
    count = np.bincount(server[accelerators], minlength=servers)
    trays[count == 0] = 0
    device, names = fabric.column("device"), fabric.meta.get("devices", [])
    for number in np.unique(device[accelerators]).tolist():
        kind = server_with(names[number] if number >= 0 else None, str(fabric.meta.get("server", "")))
        if kind is not None and server_kind(kind).unit == "rack":
            racks = np.unique(server[accelerators[device[accelerators] == number]])
            trays[racks] = -(-count[racks] // server_kind(kind).rails)
    for node_kind in (NodeKind.ACCELERATOR, NodeKind.NIC):
        own = fabric.of_kind(node_kind)
        own = own[server[own] >= 0]
        size = np.bincount(server[own], minlength=servers)
        order = own[np.argsort(server[own], kind="stable")]
        place = np.arange(len(order)) - (np.cumsum(size) - size)[server[order]]
        tray[order] = place * trays[server[order]] // size[server[order]]
    return tray, trays


def _stages(fabric: Fabric) -> Iterator[npt.NDArray[np.bool_]]:
    """The cables between switches that count as near, more of them each time: bool[links]."""
    level, pod = levels(fabric), fabric.column("pod")
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    source, target = fabric.link_source, fabric.link_target
    between = (fabric.link_kind == LinkKind.NETWORK) & switch[source] & switch[target]
    highest = np.maximum(level[source], level[target])
    yield np.zeros_like(between)
    yield between & (highest <= 1) & (pod[source] >= 0) & (pod[source] == pod[target])
    for tier in range(1, int(level[switch].max()) + 1):
        yield between & (highest <= tier)


def _parts(
    fabric: Fabric, node: Integers, nodes: int, switches: npt.NDArray[np.int32], cables: npt.NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """The part of each scheduler's node, numbered in their order, and of each switch (-1: with no node)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = node.copy()
    number[switches] = nodes + np.arange(len(switches))
    source, target = number[fabric.link_source], number[fabric.link_target]
    port = (fabric.link_kind == LinkKind.NETWORK) & (source >= 0) & (source < nodes) & (target >= nodes)
    joined = cables | port
    size = nodes + len(switches)
    ones = np.ones(int(joined.sum()), dtype=np.int8)
    label = connected_components(coo_array((ones, (source[joined], target[joined])), (size, size)), directed=False)[1]
    _, first, inverse = np.unique(label[:nodes], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    renamed = np.full(size, -1, dtype=np.int64)
    renamed[label[:nodes]] = rank[inverse]
    return rank[inverse], renamed[label[nodes:]]


def _groups(
    fabric: Fabric, label: Integers, switches: npt.NDArray[np.int32], of_switch: Integers, stage: int
) -> Iterator[Group]:
    """Named after the first switch of their highest tier; where that is the lowest tier after all, by number."""
    level = levels(fabric)[switches]
    order = np.lexsort((switches, -level, of_switch))
    order = order[of_switch[order] >= 0]
    _, first = np.unique(of_switch[order], return_index=True)
    lead = order[first]
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label))[:-1])
    for number, (switch, nodes) in enumerate(zip(lead.tolist(), members, strict=True)):
        named = stage == 0 or level[switch] > 1
        yield Group(_plain(fabric.label(int(switches[switch]))) if named else f"group-{stage}-{number}", nodes)


def _domains(domain: Integers) -> Iterator[Group]:
    for number in np.unique(domain[domain >= 0]).tolist():
        yield Group(f"domain-{number}", np.flatnonzero(domain == number))


def _plain(name: str) -> str:
    """A name of letters that every scheduler takes."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)
