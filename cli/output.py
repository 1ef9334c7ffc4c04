"""Results on stdout as a table for people, JSON or CSV; everything said about them goes to stderr."""

from __future__ import annotations

import csv
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

Record = Mapping[str, Any]

_PIPE_WIDTH = 400
_NEVER_FOLDED = 40
_GAP = 3
_TEXT_WIDTH = 100
_FIGURE = re.compile(r"[-+]?[0-9.,]+ ?[^ 0-9]*|-|")
"""A number with its unit, or none."""


@dataclass(frozen=True)
class Table:
    """Cells as people read them. Columns of figures stand flush right, columns of words flush left."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


def emit(
    form: str,
    document: Record,
    records: Iterable[Record],
    tables: Iterable[Table],
    lists: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """One result in the form asked for: the whole `document` as JSON, its main `records` as CSV, or `tables`, `lists`
    of sentences by title, and the document's assumptions for people."""
    if form == "json":
        click.echo(json.dumps(document, indent=2, allow_nan=False))
    elif form == "csv":
        _write_csv(records)
    else:
        for table in tables:
            _write_table(table)
        for title, sentences in (lists or {}).items():
            write_list(title, sentences)
            if sentences:
                click.echo()
        write_list("Assumptions", document.get("assumptions", ()))


def _write_csv(records: Iterable[Record]) -> None:
    rows = [_flat(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _flat(record: Record, prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}, "c": [2]}` -> `{"a.b": 1, "c": "[2]"}`: one cell each, lists as JSON."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = json.dumps(value) if isinstance(value, (list, tuple)) else value
    return flat


def _write_table(table: Table) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table as RichTable

    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(table.columns):
        figures = all(_FIGURE.fullmatch(row[number]) for row in table.rows)
        drawn.add_column(column, justify="right" if figures else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*row)
    terminal = sys.stdout.isatty()
    console = Console(
        file=sys.stdout, width=None if terminal else _PIPE_WIDTH, markup=False, highlight=False, emoji=False
    )
    # A figure folded in two reads as two others: on a narrow terminal lines run on instead, and only prose folds, as
    # rich shortens the widest column first.
    widths = [max(map(cell_len, cells)) for cells in zip(table.columns, *table.rows, strict=True)]
    console.width = max(console.width, sum(min(width, _NEVER_FOLDED) + _GAP for width in widths))
    if table.title:
        click.echo(table.title)
    with console.capture() as capture:
        console.print(drawn)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
    click.echo()


def write_list(title: str, sentences: Iterable[str]) -> None:
    """A titled list of sentences; nothing when there are none."""
    for number, sentence in enumerate(sentences):
        if number == 0:
            click.echo(f"{title}:")
        click.echo(
            textwrap.fill(
                sentence, _TEXT_WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False
            )
        )


def note(text: str, quiet: bool = False) -> None:
    """A remark for the person at the terminal, beside the data."""
    if not quiet:
        click.echo(text, err=True)
