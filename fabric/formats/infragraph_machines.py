"""The machines of a fabric as InfraGraph's devices: which kinds there are, and which node is what of which machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..catalogue import server_with
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind

Document = dict[str, Any]
Integers = npt.NDArray[np.int64]

INSIDE = {
    NodeKind.ACCELERATOR: ("xpu", "xpu"),
    NodeKind.NIC: ("nic", "nic"),
    NodeKind.NVSWITCH: ("nvswitch", "switch"),
    **dict.fromkeys(SWITCH_KINDS, ("router", "switch")),
}
"""Component and its choice of each kind of node that is part of a server."""
ALONE = {
    NodeKind.ACCELERATOR: (("xpu", "xpu"), ("port", "port")),
    NodeKind.NIC: (("nic", "nic"), ("port", "port")),
    NodeKind.HOST: (("cpu", "cpu"), ("nic", "nic")),
    NodeKind.STORAGE: (("cpu", "cpu"), ("nic", "nic")),
    **dict.fromkeys(SWITCH_KINDS, (("asic", "switch"), ("port", "port"))),
}
"""The core of a machine of one node, and what its cables are plugged into."""


@dataclass(frozen=True)
class Device:
    """A kind of machine: its document without a name, and the names it goes by."""

    body: Document
    name: str
    instance: str


@dataclass(frozen=True, eq=False)
class Machines:
    """`kinds`: devices. By node: `kind` (index into `kinds`; -1: left out), `number` among its kind's machines, and
    `component`, its number among the components of its name."""

    kinds: tuple[Device, ...]
    kind: Integers
    number: Integers
    component: Integers


def machines_of(fabric: Fabric) -> Machines:
    """Servers by what is inside them, other machines by their kind, device and ports."""
    kind, number = np.full(fabric.nodes, -1, dtype=np.int64), np.zeros(fabric.nodes, dtype=np.int64)
    component = _component_numbers(fabric)
    kinds: list[Device] = []
    for device, members in (*_servers(fabric, component), *_single(fabric)):
        for place, nodes in enumerate(members):
            kind[nodes], number[nodes] = len(kinds), place
        kinds.append(device)
    return Machines(tuple(kinds), kind, number, component)


def _component_numbers(fabric: Fabric) -> Integers:
    """Each node's number among the like-named components of its server."""
    server, names = fabric.column("server"), sorted({name for name, _ in INSIDE.values()})
    of_kind = np.array([names.index(INSIDE[kind][0]) if kind in INSIDE else -1 for kind in NodeKind])
    name = of_kind[fabric.node_kind]
    order = np.lexsort((np.arange(fabric.nodes), name, server))
    new = np.r_[True, (server[order][1:] != server[order][:-1]) | (name[order][1:] != name[order][:-1])]
    start = np.maximum.accumulate(np.where(new, np.arange(fabric.nodes), 0))
    number = np.empty(fabric.nodes, dtype=np.int64)
    number[order] = np.arange(fabric.nodes) - start
    return number


def _servers(fabric: Fabric, component: Integers) -> Iterator[tuple[Device, list[Integers]]]:
    """Kinds of servers and the nodes of each: alike are those of the same parts and the same links between them."""
    server = fabric.column("server").astype(np.int64)
    inside = np.flatnonzero(server >= 0)
    if not len(inside):
        return
    near, far = server[fabric.link_source], server[fabric.link_target]
    forth = np.flatnonzero((near >= 0) & (near == far))[::2]
    ends = fabric.link_source[forth], fabric.link_target[forth]
    kinds = fabric.node_kind.astype(np.int64)
    links: npt.NDArray[np.int64] = np.column_stack(
        (near[forth], kinds[ends[0]], component[ends[0]], kinds[ends[1]], component[ends[1]], fabric.link_kind[forth],
         fabric.capacity_bps[forth].astype(np.int64), fabric.latency_ns[forth])
    )  # fmt: skip
    nodes = np.column_stack((server[inside], kinds[inside], fabric.column("device")[inside]))
    nodes_of, links_of = _by_server(nodes), _by_server(links)
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    none = links[:0, 1:]
    for number, own in nodes_of.items():
        alike.setdefault((own.tobytes(), links_of.get(number, none).tobytes()), []).append(number)
    members = _by_server(np.column_stack((server[inside], inside)))
    for numbers in alike.values():
        first = numbers[0]
        device = _server_device(fabric, nodes_of[first], links_of.get(first, none))
        yield device, [members[number].ravel() for number in numbers]


def _by_server(rows: npt.NDArray[np.int64]) -> dict[int, npt.NDArray[np.int64]]:
    """The rows of each number in the first column, sorted, without it."""
    rows = rows[np.lexsort(rows.T[::-1])]
    numbers, start, count = np.unique(rows[:, 0], return_index=True, return_counts=True)
    return {n: rows[at : at + many, 1:] for n, at, many in zip(numbers.tolist(), start, count, strict=True)}


def _server_device(fabric: Fabric, nodes: npt.NDArray[np.int64], links: npt.NDArray[np.int64]) -> Device:
    names = fabric.meta.get("devices", [])
    made = next(
        (names[device] for kind, device in nodes.tolist() if kind == NodeKind.ACCELERATOR and device >= 0), None
    )
    counts: dict[tuple[str, str], int] = {}
    for kind in nodes[:, 0].tolist():
        counts[INSIDE[NodeKind(kind)]] = counts.get(INSIDE[NodeKind(kind)], 0) + 1
    components = [{"name": name, "choice": choice, "count": count} for (name, choice), count in counts.items()]
    speeds = {tuple(row): link_document(*row) for row in np.unique(links[:, 4:], axis=0).tolist()}
    edges = [
        {
            "ep1": {"component": f"{INSIDE[NodeKind(one)][0]}[{place}]"},
            "ep2": {"component": f"{INSIDE[NodeKind(other)][0]}[{there}]"},
            "scheme": "one2one",
            "link": speeds[tuple(speed)]["name"],
        }
        for one, place, other, there, *speed in links.tolist()
    ]
    body = {"components": components, "links": list(speeds.values()), "edges": edges}
    return Device(body, server_with(made, str(fabric.meta.get("server", ""))) or "server", "server")


def _single(fabric: Fabric) -> Iterator[tuple[Device, list[Integers]]]:
    """Machines of one node, by kind, make and ports."""
    device, names = fabric.column("device").astype(np.int64), fabric.meta.get("devices", [])
    most = np.zeros(fabric.nodes, dtype=np.int64)
    np.maximum.at(most, fabric.link_source, fabric.port)
    ports = np.maximum(most, fabric.column("radix"))
    alone = np.flatnonzero((fabric.column("server") < 0) & np.isin(fabric.node_kind, list(ALONE)))
    table = np.column_stack((fabric.node_kind[alone].astype(np.int64), device[alone], ports[alone]))
    for (kind, made, count), nodes in _alike(table, alone):
        core, end = ALONE[NodeKind(kind)]
        name = names[made] if made >= 0 else NodeKind(kind).name.lower()
        body = {
            "components": [
                {"name": core[0], "choice": core[1], "count": 1},
                {"name": end[0], "choice": end[1], "count": max(1, count)},
            ],
            "links": [{"name": "internal"}],
            "edges": [
                {"ep1": {"component": f"{core[0]}[0]"}, "ep2": {"component": f"{end[0]}[0:{max(1, count)}]"},
                 "scheme": "many2many", "link": "internal"}
            ],
        }  # fmt: skip
        yield Device(body, plain(name), NodeKind(kind).name.lower()), list(nodes[:, None])


def _alike(table: Integers, nodes: Integers) -> Iterator[tuple[list[int], Integers]]:
    kinds, of_kind = np.unique(table, axis=0, return_inverse=True)
    for number, row in enumerate(kinds.tolist()):
        yield row, nodes[of_kind.ravel() == number]


def link_document(kind: int, bps: int, latency_ns: int) -> Document:
    gbit = bps / 1e9
    return {
        "name": f"{LinkKind(kind).name.lower()}-{gbit:g}Gbps-{latency_ns}ns",
        "physical": {
            "bandwidth": {"choice": "gigabits_per_second", "gigabits_per_second": gbit},
            "latency": {"choice": "ns", "ns": float(latency_ns)},
        },
    }


def plain(name: str) -> str:
    """A name that InfraGraph's slices can follow."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)
