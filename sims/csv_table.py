"""CSV files with a header, as columns of text that remember their lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..fabric.errors import Fault, ParseError


@dataclass(frozen=True)
class CsvTable:
    """Cells as text by column; `lines[i]` is where row `i` stands in `file`, from 1."""

    file: str
    columns: dict[str, list[str]]
    lines: list[int]


def whole_number(cell: object) -> int | None:
    """A cell that is a whole number from 0 in at most 18 digits, else None."""
    if isinstance(cell, str):
        return int(cell) if re.fullmatch("[0-9]{1,18}", cell) else None
    return cell if isinstance(cell, int) and not isinstance(cell, bool) and cell >= 0 else None


def read_csv(path: str | Path, required: Collection[str], optional: Collection[str] = ()) -> CsvTable:
    """The table in a CSV file; blank lines are skipped.

    Raises ParseError: an unreadable file, a header with missing, unknown or repeated columns, every row of another
    width.
    """
    file = str(path)
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", file)) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is not UTF-8 text", "give a CSV file", file)) from None
    except csv.Error as error:
        raise ParseError(Fault(f"not CSV: {error}", "mend the line", file, reader.line_num)) from None
    if not rows:
        raise ParseError(Fault("is empty", f"begin with the header {','.join(required)}", file, 1))
    (head_line, header), body = rows[0], rows[1:]
    known = [*required, *(name for name in optional if name not in required)]
    faults = [Fault(f"column {name!r} is missing", "", file, head_line) for name in required if name not in header]
    cure = f"known: {', '.join(known)}"
    faults += [Fault(f"unknown column {name!r}", cure, file, head_line) for name in header if name not in known]
    faults += [Fault(f"column {name!r} stands twice", "", file, head_line) for name in known if header.count(name) > 1]
    faults += [
        Fault(f"has {len(cells)} cells, the header {len(header)}", "give one per column", file, line)
        for line, cells in body
        if len(cells) != len(header)
    ]
    if faults:
        raise ParseError(faults)
    columns = {name: [cells[i] for _, cells in body] for i, name in enumerate(header)}
    return CsvTable(file, columns, [line for line, _ in body])
