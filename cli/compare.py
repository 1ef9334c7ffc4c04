"""`fabricsim topology compare`: fabrics side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .hall_options import hall_options
from .options import load_wiring, output_options
from .output import Table, emit, note
from .outputs import refuse_unwritable
from .progress import working

if TYPE_CHECKING:
    from ..topologies.compare import AtEqual, Row
    from ..topologies.hall import Hall
    from ..topologies.quotes import Quotes


@click.command("compare")
@click.argument("sources", metavar="FABRIC[,KEY=VALUE...]...", nargs=-1, required=True)
@click.option(
    "--at-equal",
    type=click.Choice(["gpus", "cost", "power"]),
    help="Scale the counts of all to those of the first FABRIC.",
)
@click.option("--plot", metavar="FILE", help="Draw the comparison as a PNG, PDF or SVG (needs matplotlib).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of what fails at random.")
@hall_options
@output_options
def compare_command(
    sources: tuple[str, ...],
    at_equal: AtEqual | None,
    plot: str | None,
    seed: int,
    hall: Hall,
    quotes: Quotes,
    form: str,
    quiet: bool,
) -> None:
    """Set fabrics side by side: size, parts, power, cost, bisection, distance, resilience.

    Fields of each follow its name: `rail_only,nodes=2048 dragonfly,p=8,g=128,server=hgx-h100`.
    """
    from ..topologies.compare import compare

    if plot is not None:
        from .plot import kind_of_picture

        refuse_unwritable({"--plot": (plot, kind_of_picture)})
    fabrics = []
    with working("measuring", quiet):
        for source in sources:
            name, *pairs = source.split(",")
            fabrics.append((source, load_wiring(name, tuple(pairs))))
        comparison = compare(fabrics, at_equal, hall, quotes, seed)
    document = comparison.to_dict()
    emit(form, document, document["rows"], [_table(comparison.rows)])
    if plot is not None:
        from .plot import plot_comparison

        plot_comparison(comparison, plot)
        note(plot, quiet)


def _table(rows: tuple[Row, ...]) -> Table:
    """A column per fabric: there are more figures than fabrics."""
    columns = [_figures(row) for row in rows]
    names = tuple(name.partition(",")[0] for name in (row.fabric for row in rows))
    return Table(("", *names), [(figure, *(column[figure] for column in columns)) for figure in columns[0]])


def _figures(row: Row) -> dict[str, str]:
    from ..fabric.units import format_si

    return {
        "GPUs": f"{row.gpus:,.0f}",
        "tiers": str(row.tiers),
        "switches": f"{row.switches:,.0f}",
        "cables": f"{row.cables:,.0f}",
        "transceivers": f"{row.transceivers:,.0f}",
        "racks": f"{row.racks:,.0f}",
        "network power": f"{row.network_power_w / 1e3:,.0f} kW",
        "IT power": f"{row.it_power_w / 1e3:,.0f} kW",
        "network cost": _usd(row, row.network_cost_usd, 1e6),
        "cost": _usd(row, row.cost_usd, 1e6),
        "cost per GPU": _usd(row, row.cost_usd_per_gpu),
        "bisection per GPU": format_si(row.bisection_bps_per_gpu, "bit/s"),
        "diameter": str(row.diameter),
        "oversubscription": f"{row.oversubscription:.3g}:1",
        "bisection left": _percent(row.bisection_left),
        "reachable left": _percent(row.reachable_left),
    }


def _usd(row: Row, usd: float | None, unit: float = 1.0) -> str:
    """A cost, or the least it can be where parts have no price."""
    if usd is None:
        return "-"
    amount = f"{usd:,.0f} USD" if unit == 1 else f"{usd / unit:,.1f} M USD"
    return f"over {amount}" if row.unpriced else amount


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
