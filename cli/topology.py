"""`fabricsim topology`: generate, look at, verify and convert fabrics."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..fabric.errors import Fault, SpecError, UnknownNameError
from .bom import bom_command
from .cables import cables_command
from .compare import compare_command
from .diff import diff_command
from .listing import list_command
from .metrics import measures_tables, resilience
from .options import Settings, fabric_argument, load_wiring, output_options, quiet_option
from .output import Table, emit, note
from .progress import working

if TYPE_CHECKING:
    from ..fabric.graph import Fabric
    from ..fabric.metrics import Summary


@click.group()
def topology() -> None:
    """Generate, look at, verify and convert fabrics."""


topology.add_command(list_command)
for command in (resilience, bom_command, cables_command, compare_command):
    topology.add_command(command)
topology.add_command(diff_command)


@topology.command()
@fabric_argument
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write, best named *.fabric.")
@quiet_option
def new(source: str, pairs: tuple[str, ...], output: str, quiet: bool) -> None:
    """Generate FABRIC and save it in one file."""
    with working("generating", quiet):
        fabric = load_wiring(source, pairs)
        fabric.save(output)
    note(f"{output}: {in_words(fabric)}", quiet)


@topology.command()
@fabric_argument
@click.option("--metrics", is_flag=True, help="Path diversity, load of uniform traffic, effective bisection, too.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of what --metrics samples."
)
@output_options
def show(source: str, pairs: tuple[str, ...], metrics: bool, seed: int, form: str, quiet: bool) -> None:
    """Count, measure and price FABRIC."""
    from ..fabric.metrics import measures, summary

    fabric = load_wiring(source, pairs)
    with working("measuring", quiet):
        shown = summary(fabric)
        measured = measures(fabric, seed=seed) if metrics else None
    document, tables = shown.to_dict(), _summary_tables(shown, fabric.meta.get("description", ""))
    if measured is not None:
        document["metrics"] = measured.to_dict()
        document["assumptions"] += measured.assumptions
        tables = chain(tables, measures_tables(measured))
    emit(form, document, [document], tables)


def _summary_tables(shown: Summary, title: str) -> Iterator[Table]:
    from ..fabric.units import format_si

    figures = {
        "endpoints": str(shown.endpoints),
        "GPUs": str(shown.gpus),
        "switches": str(shown.switches),
        "NVSwitches": str(shown.nvswitches),
        "cables": str(shown.cables),
        "directed links": str(shown.links),
        "diameter": f"{shown.diameter} switch hops",
        "bisection": format_si(shown.bisection_bps, "bit/s"),
        "oversubscription": f"{shown.oversubscription:.3g}:1",
        "power": "unknown" if shown.power_w is None else format_si(shown.power_w, "W"),
        "cost": "unknown" if shown.cost_usd is None else f"{shown.cost_usd:,.0f} USD",
    }
    yield Table((shown.fabric, ""), list(figures.items()), title)
    if shown.tiers:
        rates = [(tier.down_bps, tier.across_bps, tier.up_bps) for tier in shown.tiers]
        rows = [
            (tier.kind, str(tier.switches), *(format_si(bps, "bit/s") if bps else "-" for bps in tier_bps))
            for tier, tier_bps in zip(shown.tiers, rates, strict=True)
        ]
        yield Table(("tier", "switches", "down", "across", "up"), rows)


@topology.command()
@fabric_argument
@click.option("--routing", metavar="RULE", help="Look for lost pairs and deadlock under this routing rule, too.")
@output_options
@click.pass_context
def check(ctx: click.Context, source: str, pairs: tuple[str, ...], routing: str | None, form: str, quiet: bool) -> None:
    """Look for faults in the wiring of FABRIC; exit with 1 when there are any."""
    from ..fabric.check import findings

    with working("checking", quiet):
        fabric = load_wiring(source, pairs)
        found = findings(fabric)
        if routing is not None:
            from ..fabric.check_routing import check_routing

            report = check_routing(fabric, routing)
            found += report.findings
            note(f"{fabric.name}: routing {routing}, {report.coverage}", quiet)
    rows = [finding.to_dict() for finding in found]
    columns = ("rule", "where", "what is wrong")
    table = Table(columns, [(row["rule"], row["where"], row["message"]) for row in rows])
    emit(form, {"fabric": fabric.name, "findings": rows}, rows, [table] if rows else [])
    note(f"{fabric.name}: {len(rows) or 'no'} finding{'' if len(rows) == 1 else 's'}", quiet)
    ctx.exit(1 if rows else 0)


@topology.command("import")
@click.argument("file")
@click.option("--from", "origin", metavar="FORMAT", required=True, help="ibnetdiscover, json, graphml or simai.")
@click.option(
    "--set", "pairs", multiple=True, metavar="server=KIND", help="Put the accelerators of this kind of server in."
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write, best named *.fabric.")
@quiet_option
def import_command(file: str, origin: str, pairs: tuple[str, ...], output: str, quiet: bool) -> None:
    """Read the network in FILE, and save it for use as FABRIC."""
    from ..fabric.formats import READERS

    if origin not in READERS:
        raise UnknownNameError.of("format", origin, READERS)
    fields = dict(Settings.of(pairs).spec)
    kind = fields.pop("server", None)
    if fields:
        raise SpecError(Fault("does nothing here", "an import knows server=KIND only", field=key) for key in fields)
    with working("reading", quiet):
        fabric = READERS[origin](file)
        if kind is not None:
            from ..fabric.catalogue import server_kind
            from ..topologies.imported import add_servers

            fabric = add_servers(fabric, server_kind(kind))
        fabric.save(output)
    note(f"{output}: {in_words(fabric)}", quiet)


@topology.command()
@fabric_argument
@click.option(
    "--to",
    "target",
    metavar="FORMAT",
    required=True,
    help="json, graphml, dot, ibnetdiscover, lft, guid2lid, simgrid, htsim, simai, slurm-tree, slurm-block, "
    "slurm-yaml, k8s-labels, nccl-xml or infragraph.",
)
@click.option("-o", "--output", metavar="FILE", help="The file to write.  [default: stdout]")
@click.option("--routing", metavar="RULE", help="The rule whose paths lft and simgrid hold.  [default: auto]")
@quiet_option
def export(
    source: str, pairs: tuple[str, ...], target: str, output: str | None, routing: str | None, quiet: bool
) -> None:
    """Write FABRIC in a format of other programs."""
    from ..fabric.formats import ROUTED, WRITERS

    if target not in WRITERS:
        raise UnknownNameError.of("format", target, WRITERS)
    if routing is not None and target not in ROUTED:
        raise SpecError(Fault(f"does nothing to {target}", "leave it out", field="routing"))
    fabric = load_wiring(source, pairs)
    more = () if routing is None else (routing,)
    if output is not None:
        with working("writing", quiet):
            WRITERS[target](fabric, output, *more)
        note(f"{output}: {in_words(fabric)}", quiet)
        return
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "fabric"
        WRITERS[target](fabric, written, *more)
        click.echo(written.read_bytes(), nl=False)


def in_words(fabric: Fabric) -> str:
    return f"{fabric.ranks} ranks, {fabric.nodes} nodes, {fabric.cables} cables"
