"""The explanation of a flow as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import Table
from .report import LINK_COLUMNS, link_row

if TYPE_CHECKING:
    from ..sims.explain import FlowExplanation


def explanation_tables(told: FlowExplanation) -> list[Table]:
    """Its time by cause, and the links on its way."""
    from ..fabric.units import format_si

    times = f"{format_si(told.fct_s, 's')}, {told.slowdown:.2f} x that on an empty network"
    return [
        Table(
            title=f"flow {told.flow}: {times}; {_blame(told)}",
            columns=("cause", "time", "share", "what it is"),
            rows=[
                (row.cause, format_si(row.seconds, "s"), f"{row.seconds / told.fct_s:.1%}", row.meaning)
                for row in told.causes
            ],
        ),
        Table(columns=LINK_COLUMNS, rows=[link_row(link) for link in told.path]),
    ]


def _blame(told: FlowExplanation) -> str:
    """Who holds it up, in words."""
    if told.main_cause == "none":
        return "nobody holds it up"
    others = ", ".join(str(flow) for flow in told.culprits)
    if told.victim:
        return f"a victim of {told.main_cause}: {told.root}, which it does not cross, is full with {others}"
    return f"mainly {told.main_cause}, at {told.root}" + (f" with {others}" if others else "")
