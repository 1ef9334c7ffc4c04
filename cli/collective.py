"""`fabricsim collective`: what a collective operation reaches, in the columns of nccl-tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..fabric.errors import InputError
from .goal import emit_goal
from .links_out import write_links
from .options import Setup, load_wiring, network_setup, output_options, refuse_given
from .output import Table, emit
from .outputs import refuse_unwritable
from .progress import working
from .together import Together, together_table

if TYPE_CHECKING:
    from ..fabric.graph import Fabric
    from ..sims.results import CollectiveResult
    from .plot_bandwidth import Points


@click.command()
@click.option("--op", default="all-reduce", show_default=True, help="The operation.")
@click.option("--size", default="1GiB", show_default=True, help="A size, or a range 8B:16GiB in powers of two.")
@click.option("--algorithm", default="auto", show_default=True, help="auto, best, or a name; a wrong one lists all.")
@click.option(
    "--skew", type=float, help="Exponent of Zipf's law for the destinations of an all-to-all-v, or for experts."
)
@click.option(
    "--experts",
    help="Of moe-dispatch and moe-combine: some of experts=256,per_token=8,groups=8,groups_per_token=4,tokens=1024.",
)
@click.option("--ranks", type=int, metavar="N", help="Over how many ranks.  [default: all]")
@click.option(
    "--placement",
    default="linear",
    show_default=True,
    help="Where they sit: linear, random, scattered or topology (servers anywhere, drawn by --seed), "
    "hostlist:NODES as Slurm writes them, file:PATH.",
)
@click.option(
    "--groups", help="Several communicators at once: servers, rails, grid:4x8:1 (lines of a grid), file:PATH."
)
@click.option("--stagger", metavar="TIME", help="Each group starts so much after the one before.")
@click.option("--starts", help="Ranks that are late: uniform:20us, exponential:5us, late:3=20us, file:PATH.")
@click.option("--compare", is_flag=True, help="Every algorithm that fits, the fastest first.")
@click.option("--plot", metavar="FILE", help="Bus bandwidth against size, as .png, .svg or .html.")
@click.option(
    "--beside", multiple=True, metavar="FABRIC[,KEY=VALUE...]", help="Another fabric to compare with (repeatable)."
)
@click.option("--goal", metavar="FILE", help="Run a GOAL schedule, in the text that LogGOPSim reads, in place of --op.")
@click.option("--links-out", metavar="FILE", help="Write what each link carried, as .csv or .parquet.")
@click.option("--published", metavar="FILE.csv", help="Measured points in the plot: size_bytes and a busbw column.")
@network_setup
@output_options
def collective(
    setup: Setup,
    op: str,
    size: str,
    algorithm: str,
    skew: float | None,
    experts: str | None,
    ranks: int | None,
    placement: str,
    groups: str | None,
    stagger: str | None,
    starts: str | None,
    compare: bool,
    plot: str | None,
    beside: tuple[str, ...],
    published: str | None,
    goal: str | None,
    links_out: str | None,
    form: str,
    quiet: bool,
) -> None:
    """A collective over ranks of FABRIC: time, bandwidth, bottleneck.

    Sizes, algbw and busbw are those of nccl-tests, out of place; the bound is a proven lower limit of the time.
    """
    if goal is not None:
        refuse_given("with a schedule", but=("goal", "ranks", "placement", "links_out"))
        _refuse_files(plot, links_out)
        emit_goal(setup, goal, (placement, ranks), links_out, form, quiet)
        return
    together = Together(groups, stagger, starts) if groups or stagger or starts else None
    if together:
        refuse_given("with groups or starts", but=together.heeded)
    if published and not plot:
        raise InputError("--published is for a plot", "add --plot FILE.png")
    _refuse_files(plot, links_out)
    measured = _measured(published)
    with working("simulating", quiet):
        from ..sims.collectives import collective as simulate
        from ..sims.placement import placed

        def run(fabric: Fabric) -> CollectiveResult:
            members = placed(fabric, placement, ranks, setup.seed)
            how = setup.network()
            what: dict[str, Any] = {
                "op": op,
                "size": size,
                "algorithm": algorithm,
                "ranks": members,
                "skew": skew,
                "experts": experts,
            }
            if together:
                return together.run(fabric, what | how, setup.seed)
            return simulate(fabric, **what, compare=compare, **how)

        fabric = setup.fabric()
        result = run(fabric)
        others = [run(load_wiring(name, tuple(pairs))) for name, *pairs in (listed.split(",") for listed in beside)]
        if links_out is not None:
            write_links(fabric, result, links_out)
        if plot:
            from .plot_bandwidth import plot_bandwidth

            plot_bandwidth([result, *others], measured, plot)
    if together:
        emit(form, document := result.to_dict(), document["rows"], [together_table(result)])
    else:
        emit(form, *_said([result, *others]))


def _said(results: Sequence[CollectiveResult]) -> tuple[dict[str, Any], list[dict[str, Any]], list[Table]]:
    """Document, records and tables: of the first fabric, and of the others beside it."""
    documents = [result.to_dict() for result in results]
    tables = []
    for result in results:
        first = result.rows[0]
        title = f"{first.op} over {first.ranks} ranks of {result.fabric}, {first.transport}"
        tables.append(Table(BANDWIDTH_COLUMNS, bandwidth_rows(result), title))
    if len(results) == 1:
        return documents[0], documents[0]["rows"], tables
    records = [{"fabric": each["fabric"], **row} for each in documents for row in each["rows"]]
    said = dict.fromkeys(sentence for each in documents for sentence in each["assumptions"])
    return {**documents[0], "assumptions": list(said), "beside": documents[1:]}, records, tables


def _measured(published: str | None) -> dict[str, Points]:
    """The points of `--published` under the file's name, read before anything runs."""
    from .plot_bandwidth import published_points

    return {} if published is None else {Path(published).stem: published_points(published)}


def _refuse_files(plot: str | None, links_out: str | None) -> None:
    from ..sims.tables import table_writer
    from .plot_bandwidth import refuse_kind

    refuse_unwritable({"--plot": (plot, refuse_kind), "--links-out": (links_out, table_writer)})


BANDWIDTH_COLUMNS = (
    "size (B)",
    "algorithm",
    "protocol",
    "time (us)",
    "algbw (GB/s)",
    "busbw (GB/s)",
    "of bound",
    "bottleneck",
    "busy",
)


def bandwidth_rows(result: CollectiveResult) -> list[tuple[str, ...]]:
    """One line per size, in BANDWIDTH_COLUMNS."""
    return [
        (
            str(row.size_bytes),
            row.algorithm,
            row.protocol or "-",
            f"{row.time_us:.2f}",
            f"{row.algbw_GBps:.2f}",
            f"{row.busbw_GBps:.2f}",
            f"{row.bound_fraction:.1%}",
            row.bottleneck.name,
            f"{row.bottleneck.utilisation:.1%}",
        )
        for row in result.rows
    ]
