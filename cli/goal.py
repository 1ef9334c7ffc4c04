"""`fabricsim collective --goal`: a schedule from a file in place of an operation."""

from __future__ import annotations

from .options import Setup
from .output import Table, emit
from .progress import working

SHOWN = 16


def emit_goal(
    setup: Setup, source: str, seats: tuple[str, int | None], links_out: str | None, form: str, quiet: bool
) -> None:
    """Run the schedule on ranks placed as `seats` (placement, how many) says; print when each rank was done."""
    with working("simulating", quiet):
        from ..sims.goal import run_goal
        from ..sims.link_table import link_table
        from ..sims.placement import placed
        from ..sims.tables import write_table

        fabric = setup.fabric()
        result = run_goal(fabric, source, ranks=placed(fabric, *seats, setup.seed), **setup.network())
        if links_out is not None:
            write_table(links_out, link_table(fabric, result))
    document = result.to_dict()
    summary = [
        ("time (us)", f"{result.time_us:.2f}"),
        ("of bound", f"{result.bound_fraction:.1%}"),
        ("bottleneck", f"{result.bottleneck.name} ({result.bottleneck.utilisation:.1%})"),
        ("messages", str(result.messages)),
        ("bytes", str(result.bytes)),
    ]
    last = sorted(result.ranks, key=lambda row: (-row.finish_us, row.rank))[:SHOWN]
    ends = [(str(row.rank), f"{row.finish_us:.2f}", f"{row.computing_us:.2f}") for row in last]
    title = f"schedule of {len(result.ranks)} ranks on {result.fabric}, {result.transport}"
    tables = [Table(("", ""), summary, title), Table(("last rank", "finish (us)", "computing (us)"), ends)]
    emit(form, document, document["ranks"], tables)
