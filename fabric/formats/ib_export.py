"""A Fabric's switches and adapters as the records of an InfiniBand dump."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FabricError, Fault
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from .ib_addresses import made_up_guids, node_guids, port_numbers
from .ib_rates import rate_name
from .ib_records import Port, Record

_INSIDE_SERVERS = (NodeKind.ACCELERATOR, NodeKind.NVSWITCH)
_TOLD = ("port_guid", "system_guid", "lid", "lmc", "radix", "vendor_id", "device_id", "enhanced_port_0")
_MOST_PORTS = 254
Links = npt.NDArray[np.int64]


def to_records(fabric: Fabric) -> dict[str, Record]:
    """One record per switch, and per channel adapter with all its ports, in the order of the nodes.

    Raises FabricError listing everything that a dump cannot say.
    """
    links = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    number = port_numbers(fabric)
    rates = _rates(fabric, links)
    _refuse(fabric, links, number)
    nodes = _Nodes(fabric)
    records: dict[str, Record] = {}
    for node in np.unique(fabric.link_source[links]).tolist():
        records.setdefault(nodes.key[node], nodes.record(node))
    for link in links[np.lexsort((number[links], fabric.link_source[links]))].tolist():
        here, there = int(fabric.link_source[link]), int(fabric.link_target[link])
        record, port = records[nodes.key[here]], int(number[link])
        record.ports = max(record.ports, port)
        record.cabled[port] = Port(
            number=port,
            guid=nodes.port_guid(here, port),
            lid=nodes.told["lid"][here] or 0,
            lmc=nodes.told["lmc"][here] or 0,
            peer=nodes.key[there],
            peer_port=int(number[link ^ 1]),
            peer_guid=nodes.port_guid(there, int(number[link ^ 1])),
            peer_lid=nodes.told["lid"][there] or 0,
            rate=rates[link],
            line=0,
        )
    return records


class _Nodes:
    """What a dump says of each node: its key, its GUID (made up where the fabric has none), and what else is told."""

    def __init__(self, fabric: Fabric) -> None:
        self.made_up: list[int] = made_up_guids(fabric).tolist()
        self.guid: list[int] = node_guids(fabric).tolist()
        self.switch: list[bool] = np.isin(fabric.node_kind, SWITCH_KINDS).tolist()
        self.key = [
            f"{'S' if switch else 'H'}-{guid:016x}" for switch, guid in zip(self.switch, self.guid, strict=True)
        ]
        self.told: dict[str, list[Any]] = {name: _told(fabric, name) for name in _TOLD}
        labels = zip(fabric.column("description").tolist(), fabric.node_name.tolist(), strict=True)
        self.description = [(description or name).decode() for description, name in labels]

    def port_guid(self, node: int, port: int) -> int | None:
        """Of a channel adapter's port; a switch has one GUID for all its ports, told in its record."""
        return None if self.switch[node] else self.told["port_guid"][node] or self.made_up[node] + port

    def record(self, node: int) -> Record:
        told = {name: values[node] for name, values in self.told.items()}
        return Record(
            key=self.key[node],
            switch=self.switch[node],
            ports=told["radix"] or 0,
            description=self.description[node],
            guid=self.guid[node],
            port_guid=told["port_guid"] or self.guid[node],
            system_guid=told["system_guid"],
            vendor_id=told["vendor_id"],
            device_id=told["device_id"],
            enhanced_port_0=told["enhanced_port_0"] != 0,
            lid=told["lid"] or 0,
            lmc=told["lmc"] or 0,
            line=0,
        )


def _told(fabric: Fabric, column: str) -> list[int | None]:
    missing = 0 if column.endswith("guid") else -1
    return [None if value == missing else value for value in fabric.column(column).tolist()]


def _rates(fabric: Fabric, links: Links) -> dict[int, str]:
    """The rate of each network link, like `4xNDR`."""
    lanes_known = fabric.meta.get("width_counts") == "lanes"
    kinds = [
        (bps, width if lanes_known else None)
        for bps, width in zip(fabric.capacity_bps[links].tolist(), fabric.width[links].tolist(), strict=True)
    ]
    names: dict[tuple[float, int | None], str] = {}
    faults: list[Fault] = []
    for link, kind in zip(links.tolist(), kinds, strict=True):
        if kind not in names:
            try:
                names[kind] = rate_name(*kind)
            except FabricError as error:
                names[kind] = ""
                faults += [Fault(f"{fabric.link_label(link)}: {fault.message}", fault.cure) for fault in error.faults]
    if faults:
        raise FabricError(faults)
    return dict(zip(links.tolist(), (names[kind] for kind in kinds), strict=True))


def _refuse(fabric: Fabric, links: Links, number: npt.NDArray[np.int64]) -> None:
    nodes = np.unique(fabric.link_source[links])
    faults = [
        Fault(f"{fabric.label(node)} is cabled to the network without an adapter", "put it behind a NIC")
        for node in nodes[np.isin(fabric.node_kind[nodes], _INSIDE_SERVERS)].tolist()
    ]
    uneven = links[(links % 2 == 0) & (fabric.capacity_bps[links] != fabric.capacity_bps[links ^ 1])]
    faults += [Fault(f"{fabric.link_label(link)} is faster one way", "give both the same") for link in uneven.tolist()]
    described = fabric.column("description")
    unprintable = [n for n in nodes.tolist() if not (fabric.label(n) + described[n].decode()).isprintable()]
    faults += [Fault(f"the name {fabric.label(node)!r} cannot be printed", "rename the node") for node in unprintable]
    large = links[(number[links] > _MOST_PORTS) | (number[links] < 1)]
    faults += [
        Fault(f"{fabric.link_label(link)}: not a port from 1 to {_MOST_PORTS}", "renumber") for link in large.tolist()
    ]
    if faults:
        raise FabricError(faults)
