"""GOAL's text format, as LogGOPSim's `txt2bin` reads it (github.com/spcl/LogGOPSim, txt2bin.re):

    num_ranks N
    rank R {
    label: send BYTESb to R [tag T] [cpu C] [nic I]
    label: recv BYTESb from R|-1 [tag T|-1] [cpu C] [nic I]
    label: calc NANOSECONDS [cpu C]
    label requires label        // starts after the other's end
    label irequires label       // starts after the other's start
    }

Labels are optional and belong to their rank; -1 is any source, or any tag.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import networkx as nx

from ...fabric.errors import Fault, ParseError
from .program import Operation, Program

_LABEL = r"[a-zA-Z][a-zA-Z0-9_]*"
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NUM_RANKS = re.compile(r"num_ranks\s+([0-9]{1,9})")
_RANK = re.compile(r"rank\s+([0-9]{1,9})\s*\{")
_ORDER = re.compile(rf"({_LABEL})\s+(requires|irequires)\s+({_LABEL})")
_LABELLED = re.compile(rf"(?:({_LABEL})\s*:\s*)?(.+)")
_NUMBER = "[0-9]{1,18}"
_PLACE = rf"(?:\s+cpu\s+(?P<cpu>{_NUMBER}))?(?:\s+nic\s+{_NUMBER})?"
_OPERATIONS = {
    "send": re.compile(
        rf"send\s+(?P<amount>{_NUMBER})\s*b\s+to\s+(?P<peer>{_NUMBER})(?:\s+tag\s+(?P<tag>{_NUMBER}))?{_PLACE}"
    ),
    "recv": re.compile(
        rf"recv\s+(?P<amount>{_NUMBER})\s*b\s+from\s+(?P<peer>-1|{_NUMBER})(?:\s+tag\s+(?P<tag>-1|{_NUMBER}))?{_PLACE}"
    ),
    "calc": re.compile(rf"calc\s+(?P<amount>{_NUMBER})(?:\s+cpu\s+(?P<cpu>{_NUMBER}))?"),
}
_FORMS = {
    "send": "send BYTESb to RANK [tag T] [cpu C] [nic I]",
    "recv": "recv BYTESb from RANK|-1 [tag T|-1] [cpu C] [nic I]",
    "calc": "calc NANOSECONDS [cpu C]",
    "requires": "LABEL requires LABEL",
    "irequires": "LABEL irequires LABEL",
    "num_ranks": "num_ranks N",
    "rank": "rank R {",
}
_NAMED = 8


def read_goal(path: str | Path) -> Program:
    """The schedule in a file.

    Raises ParseError listing every faulty line: words that are no statement, ranks and labels that are not there or
    stand twice, peers outside the ranks, operations that wait for themselves.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ParseError(Fault(f"cannot be read: {error.strerror}", "give a GOAL schedule", str(path))) from None
    except UnicodeDecodeError:
        cure = "give the text, not what txt2bin made of it"
        raise ParseError(Fault("is not UTF-8 text", cure, str(path))) from None
    reader = _Reader(str(path))
    for line, words in _lines(text):
        reader.read(line, words)
    return reader.program()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say anything, without comments; a brace ends a statement."""
    bare = _COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    for line, words in enumerate(bare.split("\n"), 1):
        for piece in re.findall(r"[^{}]*\{|[^{}]+|\}", words):
            if piece.strip():
                yield line, piece.strip()


@dataclass
class _Reader:
    """Takes a file line by line."""

    file: str
    ranks: int | None = None
    rank: int | None = None
    begun: dict[int, int] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    labels: dict[tuple[int, str], int] = field(default_factory=dict)
    orders: list[tuple[int, int, str, str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def read(self, line: int, words: str) -> None:
        if match := _NUM_RANKS.fullmatch(words):
            self._count(line, int(match[1]))
        elif match := _RANK.fullmatch(words):
            self._open(line, int(match[1]))
        elif words == "}":
            self._close(line)
        elif self.rank is None:
            self._statement(line, words, -1)
            self._fault(line, "stands outside a rank", "put it between 'rank R {' and '}'")
        elif match := _ORDER.fullmatch(words):
            self.orders.append((line, self.rank, match[1], match[2], match[3]))
        else:
            self._statement(line, words, self.rank)

    def program(self) -> Program:
        """Raises ParseError."""
        if self.ranks is None:
            self._fault(1, "num_ranks is missing", "begin with 'num_ranks N'")
        if self.rank is not None:
            self._fault(self.begun[self.rank], f"rank {self.rank} does not end", "close it by '}'")
        requires: list[list[int]] = [[] for _ in self.operations]
        irequires: list[list[int]] = [[] for _ in self.operations]
        for line, rank, later, how, earlier in self.orders:
            found = [self.labels.get((rank, label)) for label in (later, earlier)]
            for label, number in zip((later, earlier), found, strict=True):
                if number is None:
                    self._fault(line, f"rank {rank} has no label {label!r}", "label an operation so")
            if found[0] is not None and found[1] is not None:
                (requires if how == "requires" else irequires)[found[0]].append(found[1])
        self._refuse_outside()
        self._refuse_circles([a + b for a, b in zip(requires, irequires, strict=True)])
        if self.faults:
            raise ParseError(sorted(self.faults, key=lambda fault: fault.line or 0))
        assert self.ranks is not None
        waits = (tuple(tuple(sorted(set(each))) for each in kind) for kind in (requires, irequires))
        return Program(self.file, self.ranks, tuple(self.operations), *waits)

    def _fault(self, line: int, message: str, cure: str) -> None:
        self.faults.append(Fault(message, cure, self.file, line))

    def _count(self, line: int, ranks: int) -> None:
        if self.ranks is not None:
            self._fault(line, "num_ranks stands twice", "say it once")
        elif ranks == 0:
            self._fault(line, "num_ranks is 0", "have a rank at least")
        self.ranks = self.ranks or ranks

    def _open(self, line: int, rank: int) -> None:
        if self.rank is not None:
            self._fault(line, f"rank {self.rank} has not ended", "close it by '}' before")
        if rank in self.begun:
            self._fault(line, f"rank {rank} stands in line {self.begun[rank]} already", "have each rank once")
        self.begun.setdefault(rank, line)
        self.rank = rank

    def _close(self, line: int) -> None:
        if self.rank is None:
            self._fault(line, "'}' ends no rank", "drop it")
        self.rank = None

    def _statement(self, line: int, words: str, rank: int) -> None:
        match = _LABELLED.fullmatch(words)
        label, rest = (match[1], match[2]) if match else (None, words)
        verb = rest.split()[0]
        found = _OPERATIONS[verb].fullmatch(rest) if verb in _OPERATIONS else None
        if found is None:
            near = difflib.get_close_matches(verb, _FORMS, 1)
            cure = f"write it like '{_FORMS[near[0]]}'" if near else f"one of {', '.join(_FORMS)}"
            self._fault(line, f"{words!r} is no statement", cure)
            return
        given = {name: int(value) for name, value in found.groupdict().items() if value is not None}
        if label and self.labels.setdefault((rank, label), len(self.operations)) != len(self.operations):
            first = self.operations[self.labels[rank, label]].line
            self._fault(line, f"label {label!r} stands in line {first} already", "label operations apart")
        self.operations.append(Operation(rank, line, verb, **given))

    def _refuse_outside(self) -> None:
        if not self.ranks:
            return
        cure = f"num_ranks says 0..{self.ranks - 1}"
        for rank, line in self.begun.items():
            if rank >= self.ranks:
                self._fault(line, f"rank {rank} is outside", cure)
        for one in self.operations:
            if one.verb != "calc" and one.peer >= self.ranks:
                self._fault(one.line, f"rank {one.peer} is outside", cure)
            if one.verb != "calc" and one.peer == one.rank:
                self._fault(one.line, f"rank {one.rank} is its own peer", "give another rank, or a calc")

    def _refuse_circles(self, before: list[list[int]]) -> None:
        """A fault for every set of operations that wait for one another."""
        waits = nx.DiGraph((number, other) for number, others in enumerate(before) for other in others)
        for circle in map(sorted, nx.strongly_connected_components(waits)):
            if len(circle) > 1 or waits.has_edge(circle[0], circle[0]):
                lines = [str(self.operations[number].line) for number in circle]
                named = ", ".join(lines[:_NAMED]) + (f" and {len(lines) - _NAMED} more" if len(lines) > _NAMED else "")
                first = self.operations[circle[0]].line
                self._fault(first, f"waits for itself by a circle of lines {named}", "drop a requires")
