"""`fabricsim train --search`: the best legal layout of a model on a fabric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..fabric.errors import Fault, SpecError
from .options import Setup
from .output import Table, emit
from .progress import working

SHOWN = 15


def refuse_idle(**given: Any) -> None:
    """Options of a single step, which a search would not heed. Raises SpecError."""
    idle = [name for name, value in given.items() if value is not None]
    if idle:
        raise SpecError(Fault("does nothing in a search", "leave it out", field=name) for name in idle)


def emit_search(setup: Setup, model: str, parallel: str, job: Mapping[str, Any], form: str, quiet: bool) -> None:
    """Run the search and print the best layouts."""
    with working("searching", quiet) as progress:
        from ..sims.layout_search import search
        from ..sims.workloads.model import load_model
        from ..sims.workloads.options import JobOptions

        options = JobOptions.of(parallel, {name: value for name, value in job.items() if value is not None})
        found = search(setup.fabric(), load_model(model), options, **setup.network(), progress=progress)
    layouts = [asdict(layout) for layout in found.layouts]
    timed = sum(layout.step_s is not None for layout in found.layouts)
    counts = (
        f"{timed} layouts timed, {len(layouts) - timed} ruled out by their bound, {found.refused} illegal or too large."
    )
    document = {"layouts": layouts, "refused": found.refused, "assumptions": [counts, *found.assumptions]}
    rows = [
        (
            *(layout.parallel, str(layout.micro_batch), str(layout.zero), layout.recompute),
            "-" if layout.memory_GB is None else f"{layout.memory_GB:.1f} GB",
            *(f"{layout.bound_s:.4f}", "-" if layout.step_s is None else f"{layout.step_s:.4f}"),
        )
        for layout in found.layouts[:SHOWN]
    ]
    columns = ("layout", "micro-batch", "ZeRO", "recompute", "memory", "bound (s)", "step (s)")
    emit(form, document, layouts, [Table(columns, rows)])
