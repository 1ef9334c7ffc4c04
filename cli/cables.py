"""`fabricsim topology cables`: the plan that installers follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .hall_options import hall_options
from .options import fabric_argument, load_wiring, output_options
from .output import Table, emit, note
from .progress import working

if TYPE_CHECKING:
    from ..topologies.hall import Hall
    from ..topologies.quotes import Quotes


@click.command("cables")
@fabric_argument
@click.option("-o", "--output", metavar="FILE.csv", help="Write every cable, in the columns of NetBox's import.")
@hall_options
@output_options
@click.pass_context
def cables_command(
    ctx: click.Context,
    source: str,
    pairs: tuple[str, ...],
    output: str | None,
    hall: Hall,
    quotes: Quotes,
    form: str,
    quiet: bool,
) -> None:
    """Lay the cables of FABRIC: how many of which kind and length, and a row for each with -o; exit with 1 when one is
    longer than anything reaches."""
    from ..topologies.cable_plan import bundles, lots, write_plan
    from ..topologies.cables import cables, unreachable
    from ..topologies.racks import place

    fabric = load_wiring(source, pairs)
    with working("laying cables", quiet):
        placement = place(fabric, hall)
        laid = cables(fabric, placement, hall)
        if output is not None:
            write_plan(fabric, placement, laid, output)
    rows = [lot.to_dict() for lot in lots(laid)]
    count = len(bundles(fabric, placement, laid)[1])
    findings = unreachable(fabric, laid)
    document = {
        "fabric": fabric.name,
        "cables": len(laid),
        "bundles": count,
        "racks": placement.racks,
        "rows": rows,
        "findings": [finding.to_dict() for finding in findings],
    }
    cells = [
        (row["medium"], row["cable"], " to ".join(row["transceivers"]), f"{row['length_m']:g} m", str(row["count"]))
        for row in rows
    ]
    emit(form, document, rows, [Table(("medium", "cable", "transceivers", "length", "cables"), cells)])
    note(f"{len(laid)} cables in {count} bundles between {placement.racks} racks", quiet)
    for finding in findings:
        note(f"{finding.where}: {finding.message}", quiet)
    ctx.exit(1 if findings else 0)
