"""`fabricsim topology bom`: what a fabric is built from, and what that costs and draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .hall_options import hall_options
from .options import fabric_argument, load_wiring, output_options
from .output import Table, emit, note, write_list
from .progress import working

if TYPE_CHECKING:
    from ..topologies.bom import Bom
    from ..topologies.hall import Hall
    from ..topologies.quotes import Quotes


@click.command("bom")
@fabric_argument
@hall_options
@output_options
@click.pass_context
def bom_command(
    ctx: click.Context, source: str, pairs: tuple[str, ...], hall: Hall, quotes: Quotes, form: str, quiet: bool
) -> None:
    """Count, price and power the parts of FABRIC; exit with 1 when it does not fit its racks or cables."""
    from ..topologies.bom import bom

    fabric = load_wiring(source, pairs)
    with working("counting", quiet):
        bill = bom(fabric, hall, quotes)
    document = bill.to_dict()
    emit(form, document, document["parts"], [_parts(bill), _totals(bill)])
    if form == "table":
        write_list("Warnings", bill.warnings)
    for finding in bill.findings:
        note(f"{finding.where}: {finding.rule}: {finding.message}", quiet)
    ctx.exit(1 if bill.findings else 0)


def _parts(bill: Bom) -> Table:
    rows = []
    for part in bill.parts:
        cost, power = part.cost_usd(), part.power_w
        prices = [_usd(cost[level]) for level in ("low", "typical", "high")] if cost else ["no price", "", ""]
        rows.append((part.kind, part.name, str(part.count), *prices, "unknown" if power is None else _kw(power)))
    return Table(("kind", "part", "count", "USD, low", "typical", "high", "power"), rows)


def _totals(bill: Bom) -> Table:
    return Table((bill.fabric, ""), list(_figures(bill)))


def _figures(bill: Bom) -> Iterator[tuple[str, str]]:
    from ..fabric.units import format_si

    totals = bill.totals()
    for title, key in (("cost", "cost_usd"), ("cost of the network", "network_cost_usd")):
        if totals[key] is not None:
            low, typical, high = (_usd(totals[key][level]) for level in ("low", "typical", "high"))
            yield title, f"{typical} USD ({low} to {high})"
    if bill.unpriced:
        yield "not in the cost", ", ".join(f"{part.count} {part.name}" for part in bill.unpriced)
    if bill.unpowered:
        yield "not in the power", ", ".join(f"{part.count} {part.name}" for part in bill.unpowered)
    yield "power of the network", _kw(totals["network_power_w"])
    yield "IT power", _kw(totals["it_power_w"])
    yield "facility power", f"{_kw(totals['facility_power_w'])} at a PUE of {bill.pue:g}"
    yield "racks", f"{bill.racks}, {_kw(bill.rack_w[0])} on average, {_kw(bill.rack_w[1])} at most"
    yield "memory of accelerators", format_si(bill.hbm_bytes, "B")
    yield "memory of processors", format_si(bill.cpu_memory_bytes, "B")
    yield "scale-up bandwidth", f"{format_si(bill.scale_up_bps / 8, 'B/s')}, both directions"
    yield "per GPU", _each(totals["cost_usd_per_gpu"], totals["it_power_w_per_gpu"])
    yield (
        "per Gbit/s of bisection",
        _each(totals["cost_usd_per_gbps_of_bisection"], totals["it_power_w_per_gbps_of_bisection"]),
    )


def _each(usd: float | None, watts: float | None) -> str:
    return f"{'-' if usd is None else _usd(usd)} USD, {'-' if watts is None else f'{watts:,.1f}'} W"


def _usd(amount: float) -> str:
    return f"{amount:,.0f}"


def _kw(watts: float) -> str:
    return f"{watts / 1e3:,.1f} kW"
