"""OpenSM's dump of forwarding tables (`opensm-lfts.dump`), both ways; what is written, `opensm -R file -U FILE` loads.

    table := "Unicast lids [0-" lid "] of switch Lid " lid " guid 0x" hex " ('" name "'):"
             { "0x" lid " " port " # " type " portguid 0x" hex ": '" name "'" }  lids " lids dumped"

Port 0 is the switch itself. Source: OpenSM 3.3.23, opensm/osm_dump.c (`dump_ucast_lfts`) and osm_ucast_file.c, which
knows switches and destinations by their GUIDs, so LIDs need not be those of the live network. The tables that `ibroute`
and `dump_lfts.sh` print (infiniband-diags) are read, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import FabricError, Fault, ParseError
from ..files import replacing
from ..graph import SWITCH_KINDS, Fabric
from ..routing import router_for, static_rule
from ..routing.switch_graph import switch_graph
from ..routing.switched import SwitchedRouter
from ..routing.tables import ForwardingTables, addresses, forwarding_tables
from .ib_addresses import address_guids, address_lids, node_guids
from .lft_records import LftDump, SwitchTable, read_tables

_HIGHEST_LID = 0xBFFF
_MOST_FAULTS = 200


def write_lft(fabric: Fabric, path: str | Path, routing: str = "auto") -> None:
    """Write the forwarding tables of a routing rule, whole or not at all; `auto` is the static rule of the fabric.

    Raises RoutingError for a rule that tables cannot hold, FabricError for more addresses than InfiniBand has LIDs.
    """
    router = router_for(fabric, static_rule(fabric) if routing == "auto" else routing)
    assert isinstance(router, SwitchedRouter)
    text = lft_text(fabric, forwarding_tables(router))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def lft_text(fabric: Fabric, tables: ForwardingTables) -> str:
    """The tables as OpenSM dumps them; nodes without GUID or LID get the ones that `ib_addresses` gives out."""
    lids = address_lids(fabric, tables.addresses)
    if lids.max(initial=0) > _HIGHEST_LID:
        raise FabricError(Fault(f"LID {lids.max()} is above {_HIGHEST_LID}", "split the subnet"))
    order = np.argsort(lids)
    shown = _addresses_in_words(fabric, tables)
    switch_lid = {int(tables.addresses.node[a]): int(lids[a]) for a in np.flatnonzero(tables.addresses.link < 0)}
    guids = node_guids(fabric)
    lines = []
    for row, node in enumerate(tables.switches.tolist()):
        head = f"switch Lid {switch_lid[node]} guid 0x{guids[node]:016x} ('{_description(fabric, node)}'):"
        lines.append(f"Unicast lids [0-{lids.max()}] of {head}")
        ports = np.where(tables.links[row] >= 0, fabric.port[tables.links[row]], -1)
        ports[(tables.addresses.link < 0) & (tables.addresses.node == node)] = 0
        entries = [(int(lids[a]), int(ports[a]), shown[a]) for a in order if ports[a] >= 0]
        lines += [f"0x{lid:04x} {port:03d} # {words}" for lid, port, words in entries]
        lines.append(f"{len(entries)} lids dumped")
    return "\n".join(lines) + "\n"


def _addresses_in_words(fabric: Fabric, tables: ForwardingTables) -> list[str]:
    known = tables.addresses
    kinds = np.where(known.link < 0, "Switch", "Channel Adapter").tolist()
    guids = address_guids(fabric, known).tolist()
    names = [_description(fabric, node) for node in known.node.tolist()]
    return [f"{kind} portguid 0x{guid:016x}: '{name}'" for kind, guid, name in zip(kinds, guids, names, strict=True)]


def _description(fabric: Fabric, node: int) -> str:
    return (fabric.column("description")[node] or fabric.node_name[node]).decode()


def read_lft(fabric: Fabric, path: str | Path) -> ForwardingTables:
    """The tables of a dump for the switches of `fabric`, matched by GUID.

    Raises ParseError with every fault and its line: what is no dump, is cut short, or does not fit the fabric.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is not text", "give OpenSM's opensm-lfts.dump", str(path))) from None
    return parse_lft(fabric, text, str(path))


def parse_lft(fabric: Fabric, text: str, file: str = "") -> ForwardingTables:
    """The tables of a dump's text; `file` is its name in faults. Raises ParseError."""
    dump = read_tables(text, file)
    matched = _Matched(fabric, dump, file)
    if matched.faults:
        raise ParseError(matched.faults[:_MOST_FAULTS])
    return matched.tables


class _Matched:
    """A dump's tables on a fabric: `tables`, and the `faults` of what does not fit it."""

    def __init__(self, fabric: Fabric, dump: LftDump, file: str) -> None:
        graph = switch_graph(fabric)
        known = addresses(fabric, graph)
        self.fabric, self.file, self.known = fabric, file, known
        self.faults: list[Fault] = []
        switches = fabric.of_kind(*SWITCH_KINDS).tolist()
        switch_of = dict(zip(node_guids(fabric)[switches].tolist(), switches, strict=True))
        self.address_of = self._lids(dump)
        links = np.full((graph.switches, len(known.node)), -1, dtype=np.int32)
        for table in dump.tables:
            if table.guid not in switch_of:
                cure = "give the dump of this fabric"
                self.faults.append(Fault(f"no switch has the GUID 0x{table.guid:016x}", cure, file, table.line))
                continue
            node = switch_of.pop(table.guid)
            for address, link in self._entries(table, node):
                links[graph.number[node], address] = link
        for node in switch_of.values():
            self.faults.append(Fault(f"holds no table of {fabric.label(node)}", "give the whole dump", file))
        self.tables = ForwardingTables(graph, known, links)

    def _lids(self, dump: LftDump) -> dict[int, int]:
        """Address number of each LID: by the port GUID behind it, else by the LID that the fabric gives. Of the LIDs of
        one port the lowest counts."""
        by_lid = self.fabric.column("lid")[self.known.node].tolist()
        found = {lid: address for address, lid in enumerate(by_lid) if lid > 0}
        by_guid = {guid: a for a, guid in enumerate(address_guids(self.fabric, self.known).tolist())}
        told = {lid: by_guid[guid] for lid, guid in sorted(dump.guid_of.items(), reverse=True) if guid in by_guid}
        lowest = {address: lid for lid, address in told.items()}
        found = {lid: address for lid, address in found.items() if lid not in dump.guid_of and address not in lowest}
        return found | {lid: address for address, lid in lowest.items()}

    def _entries(self, table: SwitchTable, node: int) -> Iterator[tuple[int, int]]:
        """`(address, link)` of each entry that leads on."""
        out = self.fabric.out_links(node)
        cabled = dict(zip(self.fabric.port[out].tolist(), out.tolist(), strict=True))
        for lid, port, line in table.entries:
            address = self.address_of.get(lid)
            if address is None:
                continue
            itself = self.known.link[address] < 0 and self.known.node[address] == node
            if itself != (port == 0):
                message = f"{self.fabric.label(node)} forwards LID {lid} to port {port}"
                self.faults.append(Fault(message, "port 0 stands for the switch itself", self.file, line))
            elif port and port not in cabled:
                message = f"nothing is cabled to port {port} of {self.fabric.label(node)}"
                self.faults.append(Fault(message, "give the dump of this fabric", self.file, line))
            elif port:
                yield address, cabled[port]
