"""The grammar of dumped forwarding tables, text to one record per switch; see `lft`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import Fault, ParseError

_MOST_FAULTS = 200
_LONGEST_LINE = 1024

_HEAD = re.compile(
    r"Unicast lids \[[0-9a-fA-Fx]+-[0-9a-fA-Fx]+\] of switch .{0,200}?guid 0x([0-9a-fA-F]{1,16}) \(.*\):"
)
_OWN_LID = re.compile(r"of switch Lid ([0-9]{1,5}) ")
_ENTRY = re.compile(r"0x([0-9a-fA-F]{1,4}) ([0-9]{3}) +[#:] (?:.*?portguid 0x([0-9a-fA-F]{1,16}):.*|.*)")
_CLOSE = re.compile(r"([0-9]{1,6}) (?:valid )?lids dumped")
_COLUMN_HEADS = ("Lid  Out   Destination", "Port     Info")


@dataclass
class SwitchTable:
    """One switch's table: `entries` are (LID, port, line)."""

    guid: int
    line: int
    entries: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class LftDump:
    """All tables of a dump, and the port GUID behind each LID as far as it tells."""

    tables: list[SwitchTable]
    guid_of: dict[int, int]


def read_tables(text: str, file: str) -> LftDump:
    """The tables of a dump. Raises ParseError with every line that is none, up to 200 of them."""
    reader = _Reader(file)
    for line, content in enumerate(text.splitlines(), start=1):
        reader.read(line, content.strip()[:_LONGEST_LINE])
        if len(reader.faults) >= _MOST_FAULTS:
            break
    else:
        reader.close()
    if reader.faults:
        raise ParseError(reader.faults)
    return LftDump(reader.tables, reader.guid_of)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.tables: list[SwitchTable] = []
        self.guid_of: dict[int, int] = {}
        self.faults: list[Fault] = []
        self._open: SwitchTable | None = None
        self._lids: set[int] = set()
        self._first_line: dict[int, int] = {}

    def fault(self, message: str, cure: str, line: int | None = None) -> None:
        self.faults.append(Fault(message, cure, self.file, line))

    def read(self, line: int, content: str) -> None:
        if entry := _ENTRY.fullmatch(content):
            self._entry(line, entry)
        elif head := _HEAD.fullmatch(content):
            self._head(line, content, head)
        elif close := _CLOSE.fullmatch(content):
            self._close(line, int(close[1]))
        elif content and content not in _COLUMN_HEADS:
            self.fault("is no line of a table dump", "give OpenSM's opensm-lfts.dump", line)

    def _head(self, line: int, content: str, match: re.Match[str]) -> None:
        if self._open is not None:
            self.fault("a table begins before the last one ended", "the file may be cut short", line)
        guid = int(match[1], 16)
        if guid in self._first_line:
            message = f"the table of 0x{guid:016x} stands a second time"
            self.fault(message, f"the first is on line {self._first_line[guid]}", line)
        self._first_line.setdefault(guid, line)
        self._open = SwitchTable(guid, line)
        self._lids.clear()
        self.tables.append(self._open)
        if own := _OWN_LID.search(content):
            self._name(line, int(own[1]), guid)

    def _entry(self, line: int, match: re.Match[str]) -> None:
        lid, port = int(match[1], 16), int(match[2])
        if self._open is None:
            self.fault("an entry outside of any table", "its table's first line is missing", line)
            return
        if lid in self._lids or lid == 0:
            self.fault(f"LID {lid} stands twice in one table" if lid else "LID 0 is none", "give each once", line)
        self._lids.add(lid)
        self._open.entries.append((lid, port, line))
        if match[3]:
            self._name(line, lid, int(match[3], 16))

    def _name(self, line: int, lid: int, guid: int) -> None:
        known = self.guid_of.setdefault(lid, guid)
        if known != guid:
            self.fault(f"LID {lid} is 0x{guid:016x} here, 0x{known:016x} above", "give tables of one network", line)

    def _close(self, line: int, count: int) -> None:
        if self._open is None:
            self.fault("a table ends that did not begin", "its first line is missing", line)
        elif count != len(self._open.entries):
            self.fault(f"counts {count} LIDs, there are {len(self._open.entries)}", "lines are missing", line)
        self._open = None

    def close(self) -> None:
        if not self.tables:
            self.fault("holds no forwarding table", "give OpenSM's opensm-lfts.dump")
        if self._open is not None:
            self.fault("ends inside a table", "the file is cut short", self._open.line)
