"""`fabricsim topology list`: what can be generated, and the hardware facts it is generated from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from .options import output_options
from .output import Table, emit, write_list

_SECTIONS = (
    *("accelerators", "unspecified", "cpus", "nics", "switches", "cables", "buses", "networks", "servers", "nodes"),
    *("prices", "facility", "reference_points"),
)


@click.command("list")
@click.option("--hardware", is_flag=True, help="The catalogue instead: every value with its source.")
@output_options
def list_command(hardware: bool, form: str, quiet: bool) -> None:
    """The families and presets that FABRIC can name, or the hardware facts that they are built from."""
    if hardware:
        _list_hardware(form)
    else:
        _list_names(form)


def _list_names(form: str) -> None:
    from ..topologies import FAMILIES, PRESETS, describe

    rows = [{"name": name, "family": describe(name).family, "summary": describe(name).text} for name in PRESETS]
    rows += [{"name": name, "family": name, "summary": family.spec.__doc__ or ""} for name, family in FAMILIES.items()]
    fields = list(_fields())
    tables = [_words(("name", "family", "what it is"), rows)]
    for family in FAMILIES:
        own = [
            {key: field[key] for key in ("field", "default", "meaning")}
            for field in fields
            if field["family"] == family
        ]
        tables.append(_words((f"field of {family}", "default", "meaning"), own))
    emit(form, {"topologies": rows, "fields": fields}, rows, tables)


def _fields() -> Iterator[dict[str, str]]:
    """What --set can set, by family."""
    from ..topologies import FAMILIES, schemas

    for family, schema in schemas().items():
        for field in FAMILIES[family].spec.model_fields:
            entry = schema["properties"][field]
            default = entry.get("default")
            yield {
                "family": family,
                "field": field,
                "default": "" if default is None else str(default),
                "meaning": entry.get("description", ""),
            }


def _words(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> Table:
    return Table(columns, [tuple(row.values()) for row in rows])


def _list_hardware(form: str) -> None:
    from ..fabric.catalogue import catalogue

    rows = list(_facts())
    table = Table(
        columns=("part", "name", "field", "value", "source"),
        rows=[(row["section"], row["name"], row["field"], _shown(row["value"]), row["source"]) for row in rows],
    )
    sources = catalogue().sources
    emit(form, {"hardware": rows, "sources": dict(sources)}, rows, [table])
    if form == "table":
        write_list("Sources", (f"{key}: {source}" for key, source in sources.items()))


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


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
