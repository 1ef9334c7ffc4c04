"""The grammar of ibnetdiscover's output, which ibsim's net files share: text to records, one per node, and back.

    record    := { assignment } header { port }
    assignment:= ("vendid" | "devid" | "sysimgguid" | "caguid" | "switchguid") "=0x" hex [ "(" port GUID ")" ]
    header    := ("Switch" | "Ca") ports '"' key '"' [ '# "' description '" enhanced|base port 0 lid N lmc N' ]
    port      := "[" n "]" [ "(" GUID ")" ] '"' peer key '"[' n "]" [ "(" GUID ")" ]
                 "#" [ "lid N lmc N" ] '"' peer description '" lid N' rate

Source: rdma-core infiniband-diags/ibnetdiscover.c (`out_ids`, `out_switch`, `out_ca`, `out_switch_port`, `out_ca_port`)
and ibsim ibsim/sim_net.c. What the options `--full` and `--Grouping` add is read over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import Fault

MOST_FAULTS = 200
"""Lines that cannot be read before the file is taken for another format."""

_LONGEST_LINE = 1024
_LARGEST = {"vendid": 0xFFFFFF, "devid": 0xFFFF}

_CHASSIS = r"Chassis [0-9]+(?: \(guid 0x[0-9a-fA-F]{1,16}\))?[ \t\r]*$"
_CONTENT = re.compile(rf"^[ \t\r]*+(?!{_CHASSIS})([^# \t\r\n].*)$", re.MULTILINE)
_ASSIGNMENT = re.compile(
    r"(vendid|devid|sysimgguid|switchguid|caguid)=0x([0-9a-fA-F]{1,16})"
    r"(?:\((?:0x)?([0-9a-fA-F]{1,16})\))?[ \t]*(?:#.*)?"
)
_HEADER = re.compile(
    r'(?P<kind>Switch|Ca|Hca)[ \t]+(?P<ports>[0-9]{1,3})[ \t]+"(?P<key>[^"#@\s]{1,64})"'
    r'(?:[ \t]*#[ \t]*"(?P<description>[^\x00-\x1f\x7f]*)"'
    r"(?: (?P<port0>enhanced|base) port 0)?(?: lid (?P<lid>[0-9]{1,5}))?(?: lmc (?P<lmc>[0-7]))?(?: \(scp\))?)?"
)
_PORT = re.compile(
    r"\[(?P<port>[0-9]{1,3})\](?:\[ext [0-9]+\])?(?:\((?:0x)?(?P<guid>[0-9a-fA-F]{1,16})\))?[ \t]+"
    r'"(?P<peer>[^"#@\s]{1,64})"\[(?P<peer_port>[0-9]{1,3})\](?:\[ext [0-9]+\])?'
    r"[ \t]*(?:\((?:0x)?(?P<peer_guid>[0-9a-fA-F]{1,16})\))?[ \t]*"
    r"(?:#[ \t]*(?:lid (?P<lid>[0-9]{1,5}) lmc (?P<lmc>[0-7]) )?"
    r'"[^\x00-\x1f\x7f]*"(?: lid (?P<peer_lid>[0-9]{1,5}))?(?: (?P<rate>[0-9?]+x?[A-Z0-9?]+))?'
    r"(?: s=[0-9]+ w=[0-9]+ v=[0-9]+)?(?: slot [0-9]+| \(scp\))?)?"
)
_KEY_GUID = re.compile(r"[SH]-([0-9a-fA-F]{16})")


@dataclass(frozen=True)
class Port:
    """One cabled port as its own node's record describes it. A GUID or LID that is not told is None."""

    number: int
    guid: int | None
    lid: int | None
    lmc: int | None
    peer: str
    peer_port: int
    peer_guid: int | None
    peer_lid: int | None
    rate: str
    line: int


@dataclass
class Record:
    """One node. `switch` tells it from a channel adapter; a GUID or id that is not told is None."""

    key: str
    switch: bool
    ports: int
    description: str
    guid: int
    port_guid: int | None
    system_guid: int | None
    vendor_id: int | None
    device_id: int | None
    enhanced_port_0: bool
    lid: int
    lmc: int
    line: int
    cabled: dict[int, Port] = field(default_factory=dict)


def read_records(text: str, file: str) -> tuple[dict[str, Record], list[Fault]]:
    """The records of a dump by their keys, in the order of the file, and what could not be read."""
    reader = _Reader(file)
    for line, content in _lines(text):
        reader.read(line, content)
        if len(reader.faults) >= MOST_FAULTS:
            reader.fault(
                line, "the rest is not read: too many lines that are no ibnetdiscover output", "check the format"
            )
            break
    else:
        reader.close()
    return reader.records, reader.faults


def record_lines(record: Record, records: Mapping[str, Record]) -> Iterator[str]:
    """A record as ibnetdiscover writes it, after a blank line; `records` hold its neighbours."""
    yield ""
    for name, value in (("vendid", record.vendor_id), ("devid", record.device_id), ("sysimgguid", record.system_guid)):
        if value is not None:
            yield f"{name}=0x{value:x}"
    if record.switch:
        port_0 = "enhanced" if record.enhanced_port_0 else "base"
        yield f"switchguid=0x{record.guid:x}({record.port_guid or 0:x})"
        tail = f" {port_0} port 0 lid {record.lid} lmc {record.lmc}"
        yield f'Switch\t{record.ports} "{record.key}"\t\t# "{record.description}"{tail}'
    else:
        yield f"caguid=0x{record.guid:x}"
        yield f'Ca\t{record.ports} "{record.key}"\t\t# "{record.description}"'
    for port in record.cabled.values():
        own = "" if record.switch else f"({port.guid or 0:x}) "
        peer_guid = "" if port.peer_guid is None else f"({port.peer_guid:x}) "
        gap = "" if record.switch or not peer_guid else " "
        lid = "" if record.switch else f"lid {port.lid} lmc {port.lmc} "
        far = f'"{records[port.peer].description}" lid {port.peer_lid} {port.rate}'
        yield f'[{port.number}]{own}\t"{port.peer}"[{port.peer_port}]{gap}{peer_guid}\t\t# {lid}{far}'


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number (from 1) and content of the lines that are neither blank nor comment."""
    line, counted = 1, 0
    for match in _CONTENT.finditer(text):
        line += text.count("\n", counted, match.start(1))
        counted = match.start(1)
        yield line, match[1].rstrip()


class _Reader:
    """Collects assignments until a header opens a record, then that record's ports."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.records: dict[str, Record] = {}
        self.faults: list[Fault] = []
        self._told: dict[str, int] = {}
        self._record: Record | None = None

    def fault(self, line: int, message: str, cure: str) -> None:
        self.faults.append(Fault(message, cure, self.file, line))

    def read(self, line: int, content: str) -> None:
        if len(content) > _LONGEST_LINE:
            self.fault(line, f"a line of {len(content)} characters", "is this ibnetdiscover output?")
        elif match := _PORT.fullmatch(content):
            self._port(line, match)
        elif match := _ASSIGNMENT.fullmatch(content):
            self._assign(line, match)
        elif match := _HEADER.fullmatch(content):
            self._open(line, match)
        else:
            self.fault(line, f"cannot be read: {content[:60]!r}", "give ibnetdiscover output as it was written")

    def close(self) -> None:
        """The record that is open ends here."""
        if self._record and not self._record.cabled:
            self.fault(self._record.line, f"{self._record.key} has no cabled port", "the file may be cut short here")
        self._record = None

    def _assign(self, line: int, match: re.Match[str]) -> None:
        self.close()
        name, value = match[1], int(match[2], 16)
        if value > _LARGEST.get(name, value):
            self.fault(line, f"{name}=0x{value:x} is above 0x{_LARGEST[name]:x}", "mend the number")
        if name in self._told:
            self.fault(line, f"{name} is given twice for one node", "a node's record is missing between them")
        self._told[name] = value
        if match[3]:
            self._told["port_guid"] = int(match[3], 16)

    def _open(self, line: int, match: re.Match[str]) -> None:
        self.close()
        told, self._told = self._told, {}
        key, switch = match["key"], match["kind"] == "Switch"
        named = _KEY_GUID.fullmatch(key)
        guid = told.get("switchguid" if switch else "caguid", int(named[1], 16) if named else 0)
        if named and int(named[1], 16) != guid:
            self.fault(line, f"{key} has the GUID 0x{guid:x}", "its name and its GUID must agree")
        ports, lid = int(match["ports"]), int(match["lid"] or 0)
        if not 1 <= ports <= 254 or lid > 0xFFFF:
            self.fault(line, f"{key} has {ports} ports and LID {lid}", "1 to 254 ports, LID 0 to 65535")
        self._record = Record(
            key=key,
            switch=switch,
            ports=ports,
            description=match["description"] or key,
            guid=guid,
            port_guid=told.get("port_guid"),
            system_guid=told.get("sysimgguid"),
            vendor_id=told.get("vendid"),
            device_id=told.get("devid"),
            enhanced_port_0=match["port0"] != "base",
            lid=lid,
            lmc=int(match["lmc"] or 0),
            line=line,
        )
        if key in self.records:
            self.fault(line, f"{key} is described a second time", f"the first is on line {self.records[key].line}")
        self.records.setdefault(key, self._record)

    def _port(self, line: int, match: re.Match[str]) -> None:
        record = self._record
        if record is None:
            self.fault(line, "a port outside of any node", "its node's header line is missing")
            return
        number = int(match["port"])
        if not 1 <= number <= record.ports:
            self.fault(line, f"{record.key} has no port {number}", f"ports 1 to {record.ports}")
        elif number in record.cabled:
            first = record.cabled[number].line
            self.fault(line, f"port {number} of {record.key} is cabled twice", f"the first cable is on line {first}")
        guid, lid, lmc, peer_guid, peer_lid = (
            _number(match[name], base)
            for name, base in (("guid", 16), ("lid", 10), ("lmc", 10), ("peer_guid", 16), ("peer_lid", 10))
        )
        if max(lid or 0, peer_lid or 0) > 0xFFFF:
            self.fault(line, "a LID above 65535", "mend the number")
        port = Port(
            number,
            guid,
            lid,
            lmc,
            match["peer"],
            int(match["peer_port"]),
            peer_guid,
            peer_lid,
            match["rate"] or "",
            line,
        )
        record.cabled.setdefault(number, port)


def _number(text: str | None, base: int) -> int | None:
    return None if text is None else int(text, base)
