"""InfiniBand as discovered: the output of `ibnetdiscover`, both ways. What is written is a net file for ibsim, too.

Reading is strict: a dump that is cut short, that contradicts itself or falls into parts is refused with every fault.
Switches and channel adapters keep the order of the file, cables the order of their first mention.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..builder import FabricBuilder
from ..catalogue import catalogue
from ..errors import FabricError, Fault, ParseError
from ..files import replacing
from ..graph import Fabric, NodeKind
from .ib_export import to_records
from .ib_names import adapters
from .ib_rates import LANE_BPS, LANES, RATE_BPS, lanes_of
from .ib_records import MOST_FAULTS, Port, Record, read_records, record_lines

_TIERS = (NodeKind.LEAF, NodeKind.SPINE, NodeKind.CORE)
Records = Mapping[str, Record]


def read_ibnetdiscover(path: str | Path) -> Fabric:
    """The Fabric of a dump file: its switches, and one NIC, which is a rank, per cabled port of a channel adapter.

    Raises ParseError with every fault and its line.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ParseError(Fault("is not text", "give the output of ibnetdiscover", str(path), line)) from None
    return parse_ibnetdiscover(text, str(path))


def parse_ibnetdiscover(text: str, file: str = "") -> Fabric:
    """The Fabric of a dump's text; `file` is its name in faults. Raises ParseError."""
    if "Ca" not in text:
        raise ParseError(Fault("holds no channel adapter's record", "give the whole output of ibnetdiscover", file))
    records, faults = read_records(text, file)
    if len(faults) < MOST_FAULTS:
        faults += islice(_contradictions(records, file), MOST_FAULTS)
    if faults:
        raise ParseError(faults)
    try:
        return _fabric(records, Path(file).stem or "ibnetdiscover")
    except FabricError as error:
        raise ParseError([Fault(fault.message, fault.cure, file) for fault in error.faults]) from None


def write_ibnetdiscover(fabric: Fabric, path: str | Path) -> None:
    """Write `ibnetdiscover_text`, whole or not at all. Raises FabricError as it does."""
    text = ibnetdiscover_text(fabric)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def ibnetdiscover_text(fabric: Fabric) -> str:
    """The fabric's switches and adapters as a dump; what lies inside servers is left out, and a node without a GUID is
    given one.

    Raises FabricError for a cable whose rate InfiniBand does not have, and an accelerator cabled to the network itself.
    """
    lines = ["#", f"# Topology file: {fabric.name}", "#"]
    for record in (records := to_records(fabric)).values():
        lines += record_lines(record, records)
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------------------------- what must hold


def _contradictions(records: Records, file: str) -> Iterator[Fault]:
    hosts = [record.key for record in records.values() if not record.switch and not _aggregates(record, records)]
    if not hosts:
        yield Fault("names no host's channel adapter", "give the whole output of ibnetdiscover", file)
    for record in records.values():
        for port in record.cabled.values():
            for message, cure in _port_faults(record, port, records):
                yield Fault(message, cure, file, port.line)
    yield from _repeats(records, file)
    if hosts:
        reached = _distances(records, hosts[:1])
        for record in records.values():
            if record.key not in reached:
                yield Fault(
                    f"no cables lead from {hosts[0]} to {record.key}", "one connected fabric", file, record.line
                )
                break


def _port_faults(record: Record, port: Port, records: Records) -> Iterator[tuple[str, str]]:
    here, there = f"port {port.number} of {record.key}", f"port {port.peer_port} of {port.peer}"
    if port.rate not in RATE_BPS:
        told = f"the unknown rate {port.rate!r}" if port.rate else "no rate"
        yield f"{here} has {told}", f"lanes {LANES} x speed {' '.join(LANE_BPS)}, such as 4xNDR"
    if port.peer not in records:
        yield f"{here} is cabled to {port.peer}, which is not described", "the file may be cut short"
        return
    if port.peer == record.key:
        yield f"{here} is cabled to its own node", "remove the loop"
        return
    back = records[port.peer].cabled.get(port.peer_port)
    if back is None or (back.peer, back.peer_port) != (record.key, port.number):
        yield f"{here} is cabled to {there}, which does not say so", "both ends of a cable must agree"
        return
    if port.rate != back.rate:
        yield f"{here} runs at {port.rate}, {there} at {back.rate}", "both ends of a cable must agree"
    if None not in (port.peer_guid, back.guid) and port.peer_guid != back.guid:
        yield f"{here} sees the GUID 0x{port.peer_guid:x}, {there} has 0x{back.guid:x}", "mend the wrong one"
    lid = records[port.peer].lid if records[port.peer].switch else back.lid
    if None not in (port.peer_lid, lid) and port.peer_lid != lid:
        yield f"{here} sees LID {port.peer_lid}, {there} has {lid}", "mend the wrong one"


def _repeats(records: Records, file: str) -> Iterator[Fault]:
    """A GUID or LID (0: none) that stands for two things."""
    ends = [(record, port) for record in records.values() if not record.switch for port in record.cabled.values()]
    switches = [record for record in records.values() if record.switch]
    told = {
        "node GUID": [(record.guid, record.line) for record in records.values()],
        "port GUID": [(port.guid or 0, port.line) for _, port in ends],
        "LID": [(record.lid, record.line) for record in switches] + [(port.lid or 0, port.line) for _, port in ends],
    }
    for what, pairs in told.items():
        first: dict[int, int] = {}
        for value, line in pairs:
            if value and first.setdefault(value, line) != line:
                shown = value if what == "LID" else f"0x{value:x}"
                yield Fault(f"the {what} {shown} is also that of line {first[value]}", "each stands once", file, line)


def _distances(records: Records, sources: Iterable[str]) -> dict[str, int]:
    """Cables from the nearest source to each node that can be reached, breadth first."""
    distance = dict.fromkeys(sources, 0)
    queue = list(distance)
    for key in queue:
        for port in records[key].cabled.values():
            if port.peer in records and port.peer not in distance:
                distance[port.peer] = distance[key] + 1
                queue.append(port.peer)
    return distance


def _aggregates(record: Record, records: Records) -> bool:
    """Whether this adapter is a switch's own reduction unit (SHARP): it says so, and hangs on the port beyond the
    external ones."""
    if record.switch or "Aggregation Node" not in record.description or len(record.cabled) != 1:
        return False
    (port,) = record.cabled.values()
    peer = records.get(port.peer)
    return peer is not None and peer.switch and port.peer_port == peer.ports


# ---------------------------------------------------------------------------------------------------- to a Fabric


@dataclass(frozen=True)
class _Node:
    """A switch (`port` None), or one cabled port of a channel adapter."""

    record: Record
    port: Port | None
    kind: NodeKind


def _fabric(records: Records, name: str) -> Fabric:
    nodes = _nodes(records)
    hop_latency_ns = round(catalogue().networks["infiniband"].hop_latency_ns.value)
    said = f"The dump tells no latency: {hop_latency_ns} ns per cable, the catalogue's hop of InfiniBand."
    meta = {
        "family": "imported",
        "parameters": {},
        "network": "infiniband",
        "width_counts": "lanes",
        "assumptions": [said],
    }
    builder = FabricBuilder(name, meta)
    places = adapters([_adapter_name(node) for node in nodes])
    servers = [place.server for place in places]
    builder.add_nodes([n.kind for n in nodes], [n.encode() for n in _names(nodes)], server=servers, **_columns(nodes))
    _add_cables(builder, records, nodes, hop_latency_ns)
    ranks = [node for node in range(len(nodes)) if nodes[node].kind == NodeKind.NIC]
    ranks.sort(key=lambda node: (places[node].server < 0, places[node].server, places[node].key))
    return builder.build(ranks)


def _nodes(records: Records) -> list[_Node]:
    hosts = [record.key for record in records.values() if not record.switch and not _aggregates(record, records)]
    distance = _distances(records, hosts)
    nodes: list[_Node] = []
    for record in records.values():
        if record.switch:
            nodes.append(_Node(record, None, _TIERS[min(distance[record.key], len(_TIERS)) - 1]))
        else:
            kind = NodeKind.AGGREGATION if _aggregates(record, records) else NodeKind.NIC
            nodes += [_Node(record, port, kind) for _, port in sorted(record.cabled.items())]
    return nodes


def _adapter_name(node: _Node) -> str:
    return node.record.description if node.kind == NodeKind.NIC else ""


def _names(nodes: Sequence[_Node]) -> list[str]:
    """Descriptions, with the port where an adapter has several, with the GUID where that names several nodes."""
    plain = [
        f"{n.record.description} port {n.port.number}" if n.port and len(n.record.cabled) > 1 else n.record.description
        for n in nodes
    ]
    times = Counter(plain)
    guids = [f"{n.record.guid:016x}" if n.record.guid else n.record.key for n in nodes]
    return [name if times[name] == 1 else f"{name} {guid}" for name, guid in zip(plain, guids, strict=True)]


def _columns(nodes: Sequence[_Node]) -> dict[str, np.ndarray]:
    def column(values: Iterable[int | None], missing: int, dtype: str) -> np.ndarray:
        return np.array([missing if value is None else value for value in values], dtype=dtype)

    return {
        "guid": column((n.record.guid for n in nodes), 0, "u8"),
        "port_guid": column((n.port.guid if n.port else n.record.port_guid for n in nodes), 0, "u8"),
        "system_guid": column((n.record.system_guid for n in nodes), 0, "u8"),
        "lid": column((n.port.lid if n.port else n.record.lid for n in nodes), 0, "i4"),
        "lmc": column((n.port.lmc if n.port else n.record.lmc for n in nodes), 0, "i1"),
        "radix": column((n.record.ports for n in nodes), -1, "i2"),
        "vendor_id": column((n.record.vendor_id for n in nodes), -1, "i4"),
        "device_id": column((n.record.device_id for n in nodes), -1, "i4"),
        "enhanced_port_0": column((None if n.port else n.record.enhanced_port_0 for n in nodes), -1, "i1"),
        "description": np.array([n.record.description.encode() for n in nodes]),
    }


def _add_cables(builder: FabricBuilder, records: Records, nodes: Sequence[_Node], latency_ns: int) -> None:
    ids = {(n.record.key, n.port.number if n.port else None): node for node, n in enumerate(nodes)}

    def node_of(key: str, port: int) -> int:
        return ids[key, None if records[key].switch else port]

    rows = []
    order = {key: place for place, key in enumerate(records)}
    for key, record in records.items():
        for number, port in sorted(record.cabled.items()):
            if order[key] < order[port.peer]:
                ends = node_of(key, number), node_of(port.peer, port.peer_port), number, port.peer_port
                rows.append((*ends, RATE_BPS[port.rate], lanes_of(port.rate)))
    source, target, source_port, target_port, capacity_bps, lanes = map(np.array, zip(*rows, strict=True))
    builder.add_cables(
        source, target, capacity_bps, latency_ns, source_port=source_port, target_port=target_port, width=lanes
    )
