"""InfraGraph's infrastructure (Keysight/infragraph, artifacts/openapi.yaml, version 3): devices, instances, edges.

A kind of machine is a device: a server with its components `xpu`, `nic`, `nvswitch` and `router`; a switch as one
`asic` with its `port`s; a host as one `cpu` with a `nic` for each port. Alike machines of a tier are one instance,
numbered in the order of their nodes. An edge is one cable; a bundle of NVLinks is one edge of its whole bandwidth. What
reduces inside an InfiniBand switch is left out. JSON, which is YAML too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ..errors import Fault, InputError
from ..files import replacing
from ..graph import Fabric, NodeKind
from .infragraph_machines import ALONE, INSIDE, Document, Integers, Machines, link_document, machines_of, plain


def write_infragraph(fabric: Fabric, path: str | Path) -> None:
    """Write the infrastructure, whole or not at all. Raises InputError where a cable differs by direction."""
    uneven = np.flatnonzero(fabric.capacity_bps[::2] != fabric.capacity_bps[1::2])
    if len(uneven):
        label = fabric.link_label(2 * int(uneven[0]))
        raise InputError(
            Fault(f"{label} is faster one way", "an InfraGraph edge has no direction: use json or graphml")
        )
    found = machines_of(fabric)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_pieces(fabric, found))


def _pieces(fabric: Fabric, found: Machines) -> Iterator[str]:
    devices, instances = (_numbered(names) for names in zip(*((k.name, k.instance) for k in found.kinds), strict=True))
    counts = [int(found.number[found.kind == kind].max()) + 1 for kind in range(len(found.kinds))]
    cable = _between(fabric, found)
    bodies = zip(devices, found.kinds, strict=True)
    named = zip(instances, devices, counts, strict=True)
    yield f'{{"name": {json.dumps(plain(fabric.name))}, "description": {json.dumps(fabric.name)}'
    yield from _list("devices", ({"name": name, **device.body} for name, device in bodies))
    yield from _list("instances", ({"name": name, "device": device, "count": n} for name, device, n in named))
    yield from _list("links", _links(fabric, cable))
    yield from _list("edges", _edges(fabric, found, instances, cable))
    yield "}\n"


def _list(key: str, rows: Iterable[Document]) -> Iterator[str]:
    """A list of the document, a row to a line."""
    yield f',\n"{key}": ['
    for count, row in enumerate(rows):
        yield f"{',' if count else ''}\n{json.dumps(row)}"
    yield "]"


def _between(fabric: Fabric, found: Machines) -> Integers:
    """The links forth of the cables between two machines."""
    forth = np.arange(0, fabric.links, 2)
    one, other = fabric.link_source[forth], fabric.link_target[forth]
    known = (found.kind[one] >= 0) & (found.kind[other] >= 0)
    server = fabric.column("server")
    return forth[known & ((server[one] < 0) | (server[one] != server[other]))]


def _speeds(fabric: Fabric, cable: Integers) -> tuple[list[list[int]], Integers]:
    table = (fabric.link_kind[cable].astype(np.int64), fabric.capacity_bps[cable].astype(np.int64))
    rows, of_cable = np.unique(np.column_stack((*table, fabric.latency_ns[cable])), axis=0, return_inverse=True)
    return rows.tolist(), of_cable.ravel()


def _links(fabric: Fabric, cable: Integers) -> Iterator[Document]:
    return (link_document(*row) for row in _speeds(fabric, cable)[0])


def _edges(fabric: Fabric, found: Machines, instances: list[str], cable: Integers) -> Iterator[Document]:
    rows, speed = _speeds(fabric, cable)
    names = [link_document(*row)["name"] for row in rows]
    one, other = (_ends(fabric, found, instances, link) for link in (cable, cable ^ 1))
    for ep1, ep2, number in zip(one, other, speed.tolist(), strict=True):
        yield {"ep1": ep1, "ep2": ep2, "scheme": "one2one", "link": names[number]}


def _ends(fabric: Fabric, found: Machines, instances: list[str], link: Integers) -> Iterator[Document]:
    node = fabric.link_source[link]
    alone = fabric.column("server")[node] < 0
    place = np.where(alone, fabric.port[link] - 1, found.component[node])
    kind, number = found.kind[node].tolist(), found.number[node].tolist()
    rows = zip(kind, number, fabric.node_kind[node].tolist(), alone.tolist(), place.tolist(), strict=True)
    for machine, which, made, single, at in rows:
        component = ALONE[NodeKind(made)][1][0] if single else INSIDE[NodeKind(made)][0]
        yield {"instance": f"{instances[machine]}[{which}]", "component": f"{component}[{at}]"}


def _numbered(wanted: Iterable[str]) -> list[str]:
    """The names, numbered where several are alike."""
    seen: dict[str, int] = {}
    found = []
    for name in wanted:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found
