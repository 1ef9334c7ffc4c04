"""`fabricsim traffic`: flows between endpoints, from a pattern or from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..fabric.errors import InputError
from .options import Setup, network_setup, output_options
from .output import Table, emit
from .outputs import refuse_unwritable
from .progress import working

if TYPE_CHECKING:
    from ..fabric.graph import Fabric
    from ..sims.traffic_result import TrafficResult

DEFAULT_SIZE = "1GiB"
NOTHING_MORE = {"explain": None, "report": False, "record": None}


@click.command()
@click.option("--pattern", help="permutation, incast, all-to-all or hotspot.")
@click.option("--size", help=f"Bytes of each flow of the pattern.  [default: {DEFAULT_SIZE}]")
@click.option("--sl", metavar="LEVELS", help="Service levels that the pattern's flows take in turns, like 0,1.")
@click.option("--flows", metavar="FILE", help="CSV of flow,src,dst,bytes,start_s,sl; endpoints by rank or name.")
@click.option(
    "--routes", metavar="FILE", help="The paths of those flows: CSV of flow,hop,node or npz of indptr, links."
)
@click.option("--matrix", metavar="FILE", help="Connection matrix of htsim (*.cm), in place of --flows.")
@click.option("--reverse-routes", metavar="FILE", help="The paths of their acknowledgements, likewise.")
@click.option("--explain", metavar="FLOW", help="Say why this flow took as long as it did, and who held it up.")
@click.option("--report", is_flag=True, help="Say so of every flow, with the links, who fills them, and all victims.")
@click.option("--causes-out", metavar="FILE", help="Write each flow's slowdown and causes, as .csv or .parquet.")
@click.option("--flows-out", metavar="FILE", help="Write each flow's start, finish and rate, as .csv or .parquet.")
@click.option("--links-out", metavar="FILE", help="Write what each link carried, as .csv or .parquet.")
@click.option(
    "--record-every", metavar="TIME", help="Write to --links-out what each link carried in every so long, like 1ms."
)
@click.option("--trace", metavar="FILE", help="Write the flows as a trace for Perfetto or Chrome, as .json.")
@network_setup
@output_options
def traffic(
    setup: Setup,
    pattern: str | None,
    size: str | None,
    sl: str | None,
    flows: str | None,
    routes: str | None,
    matrix: str | None,
    reverse_routes: str | None,
    explain: str | None,
    report: bool,
    causes_out: str | None,
    flows_out: str | None,
    links_out: str | None,
    record_every: str | None,
    trace: str | None,
    form: str,
    quiet: bool,
) -> None:
    """Flows from a pattern or a file: completion times and rates."""
    _refuse_other_sources(pattern, flows, matrix, size, sl)
    listed = flows or matrix
    if pattern is not None and (routes is not None or reverse_routes is not None):
        raise InputError("--routes does nothing with --pattern", "list the flows in a file, and give it by --flows")
    if record_every is not None and links_out is None:
        raise InputError("--record-every says what --links-out holds", "add --links-out FILE")
    from ..sims.tables import table_writer

    tables_out = {"--flows-out": flows_out, "--links-out": links_out, "--causes-out": causes_out}
    wanted = {option: (path, table_writer) for option, path in tables_out.items()}
    refuse_unwritable(wanted | {"--trace": (trace, None)})
    reported = report or causes_out is not None
    with working("simulating", quiet):
        from ..fabric.units import duration_s, size_bytes
        from ..sims.grouped import grouped_all_to_all, is_better_grouped
        from ..sims.patterns import levels_in_turn
        from ..sims.patterns import pattern as flows_of
        from ..sims.traffic import traffic as simulate

        fabric = setup.fabric()
        every_s = None if record_every is None else duration_s(record_every)
        how: dict[str, Any] = {"explain": explain, "report": reported, "record": every_s}
        if pattern is not None:
            each = size_bytes(size or DEFAULT_SIZE)
            large = how == NOTHING_MORE and sl is None and setup.fidelity == "fluid" and is_better_grouped(fabric)
            if pattern == "all-to-all" and large:
                result = grouped_all_to_all(fabric, each, **setup.network())
            else:
                levels = () if sl is None else levels_in_turn(sl)
                drawn = flows_of(pattern, fabric.ranks, each, setup.seed, levels)
                result = simulate(fabric, drawn, **how, **setup.network())
        else:
            result = simulate(fabric, listed, routes, reverse_routes, **how, **setup.network())
        _write_files(fabric, result, flows_out, links_out, causes_out, trace)
    document = (result if report else replace(result, report=None)).to_dict()
    tables = [completion_table(result, fabric.name)]
    if result.explanation is not None:
        from .explanation import explanation_tables

        tables += explanation_tables(result.explanation)
    if report and result.report is not None:
        from .report import report_tables

        tables += report_tables(result.report)
    emit(form, document, [document], tables)


def _refuse_other_sources(
    pattern: str | None, flows: str | None, matrix: str | None, size: str | None, sl: str | None
) -> None:
    """Raise InputError unless the flows come from one place, and for what only a pattern takes."""
    if [pattern, flows, matrix].count(None) != 2:
        raise InputError("the flows come from a pattern or from a file", "give one of --pattern, --flows, --matrix")
    if matrix is not None and not matrix.endswith(".cm"):
        raise InputError(f"{matrix} is no connection matrix", "name it FILE.cm, or give a CSV by --flows")
    if pattern is None and size is not None:
        raise InputError("--size does nothing with a file of flows", "the file gives each flow's bytes")
    if pattern is None and sl is not None:
        raise InputError("--sl does nothing with a file of flows", "give a CSV with a column sl by --flows")


def _write_files(
    fabric: Fabric,
    result: TrafficResult,
    flows_out: str | None,
    links_out: str | None,
    causes_out: str | None,
    trace: str | None,
) -> None:
    from ..sims.chrome_trace import write_trace
    from ..sims.link_table import link_table, load_table
    from ..sims.tables import write_table

    if flows_out is not None:
        result.save_flows(flows_out)
    if links_out is not None:
        if result.record is None:
            carried = link_table(fabric, result)
            if (told := result.report) is not None:
                carried = {name: column[told.link_rows] for name, column in carried.items()} | told.link_columns()
            write_table(links_out, carried)
        else:
            write_table(links_out, load_table(fabric, result.record))
    if causes_out is not None and result.report is not None:
        write_table(causes_out, result.report.flows)
    if trace is not None:
        write_trace(trace, result)


def completion_table(result: TrafficResult, fabric: str) -> Table:
    """How rates and completion times spread over the flows."""
    from ..fabric.units import format_si

    document = result.to_dict()
    bottleneck = result.bottleneck
    return Table(
        title=(
            f"{document['flows']} flows on {fabric} in {format_si(result.makespan_s, 's')}; "
            f"busiest for the last: {bottleneck.name} ({bottleneck.utilisation:.1%})"
        ),
        columns=("", "mean", "min", "p50", "p99"),
        rows=[
            (label, *(format_si(value, unit) for value in document[key].values()))
            for label, key, unit in (("rate", "rate_bps", "bit/s"), ("completion time", "fct_s", "s"))
        ],
    )
