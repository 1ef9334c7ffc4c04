"""htsim's connection matrices, `*.cm`: a flow list as its programs read it.

    Nodes n
    Connections m
    src->dst [id i] start t size s

one connection a line, `start` in picoseconds, `size` in bytes; `#` begins a comment. Source: csg-htsim,
sim/datacenter/connection_matrix.cpp (`load`). Triggers and failures are refused.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..fabric.errors import Fault, ParseError
from .csv_table import CsvTable

SUFFIX = ".cm"
_COUNT = re.compile(r"(Nodes|Connections)\s+([0-9]{1,9})")
_CONNECTION = re.compile(r"([0-9]{1,9})\s*->\s*([0-9]{1,9})((?:\s+[a-z_]+\s+[0-9.eE+]+)*)")
_FIELDS = ("id", "start", "size")
_PICOSECOND = 1e-12


def read_matrix(path: str | Path, nodes: int) -> CsvTable:
    """The connections as columns `flow, src, dst, bytes, start_s` of text, for a fabric of `nodes` endpoints.

    Raises ParseError: an unreadable file, every line that is none of the above, another number of nodes or
    connections than there are.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", file)) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is not UTF-8 text", "give a connection matrix", file)) from None
    columns: dict[str, list[str]] = {name: [] for name in ("flow", "src", "dst", "bytes", "start_s")}
    counts: dict[str, tuple[int, int]] = {}
    lines: list[int] = []
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if count := _COUNT.fullmatch(content):
            counts[count[1]] = int(count[2]), number
        elif (row := _connection(content, len(lines))) is not None:
            lines.append(number)
            for name, cell in zip(columns, row, strict=True):
                columns[name].append(cell)
        else:
            faults.append(
                Fault(f"{content[:60]!r} is no connection", "write src->dst start PS size BYTES", file, number)
            )
    for word, there in (("Nodes", nodes), ("Connections", len(lines))):
        said, number = counts.get(word, (there, 1))
        if said != there and not faults:
            faults.append(Fault(f"{word} is {said}, and there are {there}", "mend it", file, number))
    if faults:
        raise ParseError(faults)
    return CsvTable(file, columns, lines)


def _connection(content: str, index: int) -> tuple[str, str, str, str, str] | None:
    match = _CONNECTION.fullmatch(content)
    if match is None:
        return None
    words = match[3].split()
    fields = dict(zip(words[::2], words[1::2], strict=True))
    if len(fields) * 2 != len(words) or not {"start", "size"} <= fields.keys() <= {*_FIELDS}:
        return None
    try:
        start_s = repr(float(fields["start"]) * _PICOSECOND)
    except ValueError:
        return None
    return fields.get("id", str(index)), match[1], match[2], fields["size"], start_s
