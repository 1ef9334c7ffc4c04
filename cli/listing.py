"""`fabricsim topology list`: what can be generated, and the hardware facts it is generated from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from .options import output_options
from .output import Table, emit, write_list

_SECTIONS = ("accelerators", "nics", "switches", "cables", "buses", "networks", "servers", "nodes", "reference_points")


@click.command("list")
@click.option("--hardware", is_flag=True, required=True, help="The catalogue: every value with its source.")
@output_options
def list_command(hardware: bool, form: str, quiet: bool) -> None:
    """The hardware facts that fabrics are generated from."""
    _list_hardware(form)


def _list_hardware(form: str) -> None:
    from ..fabric.catalogue import catalogue

    rows = list(_facts())
    table = Table(
        columns=("part", "name", "field", "value", "source"),
        left=frozenset({"part", "name", "field", "value", "source"}),
        rows=[(row["section"], row["name"], row["field"], str(row["value"]), row["source"]) for row in rows],
    )
    sources = catalogue().sources
    emit(form, {"hardware": rows, "sources": dict(sources)}, rows, [table])
    if form == "table":
        write_list("Sources", (f"{key}: {source}" for key, source in sources.items()))


def _facts() -> Iterator[dict[str, Any]]:
    """Every value of the catalogue on a line of its own, with the source it was read in."""
    from ..fabric.catalogue import Value, catalogue

    for section in _SECTIONS:
        for name, record in getattr(catalogue(), section).items():
            for field, fact in record:
                if isinstance(fact, Value):
                    yield {
                        "section": section,
                        "name": name,
                        "field": field,
                        **fact.model_dump(),
                        "verified": fact.verified,
                    }
