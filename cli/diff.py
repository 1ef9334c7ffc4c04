"""`fabricsim topology diff`: the network as designed against the network as found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .options import fabric_argument, load_wiring, output_options
from .output import Table, emit, note
from .progress import working

if TYPE_CHECKING:
    from ..fabric.graph import Fabric


@click.command("diff")
@fabric_argument
@click.argument("dump")
@click.option("--from", "origin", metavar="FORMAT", help="The format of DUMP.  [default: what it looks like]")
@output_options
@click.pass_context
def diff_command(
    ctx: click.Context, source: str, dump: str, pairs: tuple[str, ...], origin: str | None, form: str, quiet: bool
) -> None:
    """Every cable in which DUMP differs from FABRIC, the design; exit with 1 when there are any.

    DUMP is a live network's dump or another fabric. Nodes are matched by GUID, by name, else by structure.
    """
    with working("comparing", quiet):
        from ..fabric.diff import diff

        found = diff(_read(source, pairs, None), _read(dump, (), origin))
    rows = [difference.to_dict() for difference in found.differences]
    table = Table(
        ("difference", "as designed", "as found"),
        [(row["kind"], ", ".join(row["design"]), ", ".join(row["found"])) for row in rows],
    )
    emit(form, found.to_dict(), rows, [table] if rows else [])
    matched = ", ".join(f"{count} by {what}" for what, count in found.matched.items() if count)
    note(f"{len(rows) or 'no'} differences; nodes matched: {matched or 'none'}", quiet)
    ctx.exit(1 if rows else 0)


def _read(source: str, pairs: tuple[str, ...], origin: str | None) -> Fabric:
    """A dump in a format of its own, or anything that FABRIC can name."""
    from ..fabric.errors import UnknownNameError
    from ..fabric.formats import READERS, format_of

    name = origin or (None if pairs else format_of(source))
    if name is None:
        return load_wiring(source, pairs)
    if name not in READERS:
        raise UnknownNameError.of("format", name, READERS)
    return READERS[name](source)
