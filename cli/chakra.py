"""`fabricsim train --chakra`: execution traces of real ranks in place of a model."""

from __future__ import annotations

from typing import Any

from ..fabric.errors import Fault, SpecError
from .layout_search import SHOWN
from .options import Setup
from .output import Table, emit
from .progress import working


def refuse_job(**given: Any) -> None:
    """Options of a modelled step, which a trace would not heed. Raises SpecError."""
    idle = [name for name, value in given.items() if value is not None]
    if idle:
        raise SpecError(Fault("does nothing with a trace", "leave it out", field=name) for name in idle)


def emit_traced(setup: Setup, source: str, form: str, quiet: bool) -> None:
    """Run the traces and print who computed, who waited, and what they called."""
    with working("simulating", quiet):
        from ..fabric.units import format_si
        from ..sims.chakra import run_trace

        result = run_trace(setup.fabric(), source, **setup.network())
    document = result.to_dict()
    summary = [
        ("ranks", str(result.gpus)),
        ("step time", format_si(result.step_time_s, "s")),
        ("starved", f"{result.starved_fraction:.2%}"),
    ]
    ranks = [
        (str(row.rank), format_si(row.computing_s, "s"), format_si(row.waiting_s, "s"))
        for row in sorted(result.ranks, key=lambda row: (-row.waiting_s, row.rank))[:SHOWN]
    ]
    calls = [
        (call.op, str(call.ranks), str(call.size_bytes), str(call.count), f"{call.time_us:.2f}")
        for call in result.collectives
    ]
    tables = [
        Table(("step", ""), summary),
        Table(("rank that waits most", "computing", "waiting"), ranks),
        Table(("operation", "ranks", "size (B)", "count", "time (us)"), calls),
    ]
    emit(form, document, document["ranks"], tables)
