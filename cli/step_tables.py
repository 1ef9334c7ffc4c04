"""A training step as tables: its figures, its ledger, and what the network's part of that is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from .output import Table

if TYPE_CHECKING:
    from ..sims.per_gpu import PerGpu, SpreadRow
    from ..sims.train_result import TrainResult

UNEVEN = 0.01
"""Rails are shown where one exposes so much more than another, relatively."""


def step_tables(result: TrainResult) -> Iterator[Table]:
    step = {"": result}
    yield Table(("step", ""), figures(step))
    yield _ledger(result)
    if result.cost:
        yield Table(
            ("USD", "of it starved", "kWh", "tokens per joule"),
            [
                (
                    *(f"{result.cost.usd:.4f}", f"{result.cost.starved_usd:.4f}"),
                    *(f"{result.cost.kwh:.4f}", f"{result.cost.tokens_per_joule:.4f}"),
                )
            ],
        )
    yield Table(
        ("exposed communication", "GPU-seconds", "share"),
        [
            (row.dimension, f"{row.gpu_seconds:.3f}", f"{row.fraction:.2%}")
            for row in result.by_dimension
            if any(each.dimension == row.dimension for each in result.by_collective)
        ],
    )
    yield Table(
        ("waiting for", "GPU-seconds", "share"),
        [
            *((row.link_class, f"{row.gpu_seconds:.3f}", f"{row.fraction:.2%}") for row in result.by_link_class),
            *_rails(result),
        ],
    )
    yield _per_gpu(result.per_gpu)
    yield Table(
        ("operation", "of", "ranks", "size (B)", "count", "time (us)"),
        [
            (call.op, call.dimension, str(call.ranks), str(call.size_bytes), str(call.count), f"{call.time_us:.2f}")
            for call in result.collectives
        ],
    )


def _ledger(result: TrainResult) -> Table:
    """The ledger with the operation and link that each of the network's causes costs most at, and dollars."""
    mainly = {row.cause: f"{row.dimension} {row.op} at {row.where}" for row in result.reasons}
    dollars = {}
    if result.cost:
        dollars = {row.cause: f"{row.fraction * result.cost.usd:.4f}" for row in result.ledger}
        dollars["total"] = f"{result.cost.usd:.4f}"
    price = ("USD",) if dollars else ()
    return Table(
        ("cause", "GPU-seconds", "share", *price, "mainly"),
        [(*row, *([dollars[row[0]]] if dollars else []), mainly.get(row[0], "")) for row in causes({"": result})],
    )


def _rails(result: TrainResult) -> Iterator[tuple[str, ...]]:
    """What waits for each rail, where they are not alike."""
    rails = [row for row in result.by_rail if row.rail is not None]
    costs = [row.gpu_seconds for row in rails]
    if costs and max(costs) - min(costs) > UNEVEN * max(map(abs, costs)):
        for row in rails:
            yield f"of it rail {row.rail}", f"{row.gpu_seconds:.3f}", f"{row.fraction:.2%}"


def _per_gpu(told: PerGpu) -> Table:
    """Seconds per step that a GPU starves, over all and by stage; neighbouring stages that are alike share a line."""
    whole, *stages = told.spread
    runs = [list(run) for _, run in groupby(stages, key=_cells)]
    named = [(_stage_names(run), *_cells(run[0])) for run in runs] if len(stages) > 1 else []
    most = told.most_starved_servers or told.most_starved_gpus
    worst = f"; most on {most[0].name}, {most[0].starved_s:.4f} s" if whole.max_s - whole.min_s > 5e-5 else ""
    return Table(
        title=f"a GPU starves {whole.mean_s:.4f} s per step{worst}",
        columns=("GPUs", "mean (s)", "min", "10%", "median", "90%", "max"),
        rows=[("all", *_cells(whole)), *named],
    )


def _cells(row: SpreadRow) -> tuple[str, ...]:
    seconds = row.mean_s, row.min_s, row.p10_s, row.median_s, row.p90_s, row.max_s
    return tuple(f"{value:.4f}" for value in seconds)


def _stage_names(run: Sequence[SpreadRow]) -> str:
    first, last = run[0].stage, run[-1].stage
    return f"stage {first}" if first == last else f"stages {first}-{last}"


def figures(steps: Mapping[str, TrainResult]) -> list[tuple[str, ...]]:
    """The main figures of a step, one column per step."""
    from ..fabric.units import format_si

    texts: dict[str, Callable[[TrainResult], str]] = {
        "GPUs": lambda step: str(step.gpus),
        "step time": lambda step: format_si(step.step_time_s, "s"),
        "tokens/s": lambda step: f"{step.tokens_per_s:.0f}",
        "memory per GPU": lambda step: f"{step.memory.total_GB:.1f} GB",
        "model TFLOP/s per GPU": lambda step: f"{step.model_tflops_per_gpu:.1f}",
        "MFU": lambda step: f"{step.mfu:.2%}",
        "MFU, causal attention": lambda step: f"{step.mfu_causal:.2%}",
        "starved": lambda step: f"{step.starved_fraction:.2%}",
    }
    return [(label, *(text(step) for step in steps.values())) for label, text in texts.items()]


def causes(steps: Mapping[str, TrainResult]) -> list[tuple[str, ...]]:
    """The ledger and its total: per step, GPU-seconds and their share."""
    rows = []
    for entries in zip(*(step.ledger for step in steps.values()), strict=True):
        cells = [text for entry in entries for text in (f"{entry.gpu_seconds:.3f}", f"{entry.fraction:.2%}")]
        rows.append((entries[0].cause, *cells))
    totals = [text for step in steps.values() for text in (f"{step.step_time_s * step.gpus:.3f}", "100.00%")]
    return [*rows, ("total", *totals)]
