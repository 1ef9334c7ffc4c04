"""`fabricsim train ... --versus`: the same step with something changed, and the difference by cause."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..fabric.errors import Fault, SpecError
from .options import Settings, Setup
from .output import Table, emit

if TYPE_CHECKING:
    from ..sims.step_cost import Prices
    from ..sims.train_result import TrainResult
    from ..sims.versus import CauseDifference


NO_CHANGE = Settings({}, {}, None)
_OF_SETUP = ("transport", "fidelity")
_SECONDS = ("first_s", "second_s", "difference_s")


def rival_step(
    setup: Setup, versus: str, model: str, parallel: str, prices: Prices | None, job: Mapping[str, Any]
) -> TrainResult:
    """The step of `--versus`: what it says about the job, the network's options or the fabric's spec replaces the
    same of the first; a word by itself is another fabric, to which no field of the first one's spec applies.
    Parameters of a transport go with it: another one has its own. Raises InputError."""
    from dataclasses import fields

    from ..sims.train import train as simulate
    from ..sims.workloads.options import JobOptions

    words = versus.split()
    named = [word for word in words if "=" not in word]
    changes = Settings.of(tuple(word for word in words if "=" in word))
    if len(named) > 1:
        raise SpecError(Fault(f"names {len(named)} fabrics: {', '.join(named)}", "name one", field="versus"))
    if not named and changes == NO_CHANGE:
        raise SpecError(Fault("says nothing that changes", "write for example 'transport=roce'", field="versus"))
    if named:
        setup = replace(setup, source=named[0], settings=replace(setup.settings, spec={}))
    said: dict[str, Any] = dict(changes.spec)
    model, parallel = said.pop("model", model), said.pop("parallel", parallel)
    known = {field.name for field in fields(JobOptions)}
    changed_job = {name: _plain(said.pop(name)) for name in list(said) if name in known}
    same = not said.keys() & {"transport", "network"}
    transport = {**(setup.settings.transport if same else {}), **changes.transport}
    seed = _plain(said.pop("seed", str(setup.seed)))
    other = replace(setup, **{name: said.pop(name) for name in _OF_SETUP if name in said}, seed=seed)
    other = replace(other, routing=changes.routing or setup.routing)
    settings = replace(setup.settings, spec={**setup.settings.spec, **said}, transport=transport)
    other = replace(other, settings=settings)
    return simulate(other.fabric(), model, parallel, **other.network(), prices=prices, **{**job, **changed_job})


def _plain(text: str) -> Any:
    """A word as the number or truth value that it is."""
    known = {"true": True, "false": False}
    if text in known:
        return known[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def emit_versus(form: str, first: TrainResult, second: TrainResult) -> None:
    """Both steps, and their difference by cause, with its reasons."""
    from ..sims.versus import differences, told_apart
    from .step_tables import figures

    rows = differences(first, second)
    document: dict[str, Any] = {
        "first": first.to_dict(),
        "second": second.to_dict(),
        "differences": [asdict(row) for row in rows],
        "reasons": list(told_apart(first, second, rows)),
        "assumptions": list(dict.fromkeys((*first.assumptions, *second.assumptions))),
    }
    steps = {"first": first, "second": second}
    tables = (Table(("", *steps), figures(steps)), _by_cause(rows))
    emit(form, document, [asdict(row) for row in rows], tables, {"Why": document["reasons"]})


def _by_cause(rows: Sequence[CauseDifference]) -> Table:
    """Causes that either step has, and the sum of all."""
    from ..sims.versus import CauseDifference

    total = CauseDifference("total", *(math.fsum(getattr(row, name) for row in rows) for name in _SECONDS))
    cells = [
        (row.cause, f"{row.first_s:.4f}", f"{row.second_s:.4f}", _signed(row.difference_s))
        for row in (*(row for row in rows if row.first_s or row.second_s), total)
    ]
    columns = "cause (s per step)", "first", "second", "difference"
    dollars = {row.cause: row.difference_usd for row in rows if row.difference_usd is not None}
    if not dollars:
        return Table(columns, cells)
    dollars["total"] = math.fsum(dollars.values())
    return Table((*columns, "USD per step"), [(*row, _signed(dollars[row[0]])) for row in cells])


def _signed(value: float) -> str:
    """With its sign, which 0 has not."""
    text = f"{value:+.4f}"
    return text if float(text) else "0.0000"
