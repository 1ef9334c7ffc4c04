"""A training step as a picture: its ledger as a waterfall, from computing to the whole step, above its pipeline in
time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..fabric.units import format_si
from .plot import empty_figure, kind_of_picture, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..sims.ledger import LedgerRow
    from ..sims.train_result import TrainResult

COMPUTING, WAITING, NETWORK, GAIN, WHOLE = "#2b8a57", "#e3a33c", "#c8433f", "#3a7ebf", "#4a4f57"
BACKWARD, UPDATE, IDLE = "#7cc29a", "#1f5f8b", "#f7e6c4"
"""Shades of computing and of waiting, in time."""

NAMES: Mapping[str, str] = {
    COMPUTING: "computing",
    WAITING: "waiting for one another",
    NETWORK: "network",
    GAIN: "gained back",
    WHOLE: "whole step",
}
WAITS = ("pipeline_bubble", "straggler", "imbalance")
LEAST_SHARE = 5e-4
"""Smaller rows would be drawn as 0.0%."""


def plot_step(result: TrainResult, path: str) -> None:
    """Draw into a file, whole or not at all. Raises InputError without matplotlib, or for another kind of file."""
    kind = kind_of_picture(path)
    stages = 1 + max(each.stage for each in result.timeline)
    figure = empty_figure((11, 6.6 + 0.16 * min(stages, 16)))
    figure.suptitle(_title(result), fontsize=13, fontweight="bold")
    above, below = figure.subplots(2, height_ratios=(4, 1.2 + 0.16 * min(stages, 16)))
    _draw_ledger(result, above)
    _draw_timeline(result, below)
    save(figure, path, kind)


def _title(result: TrainResult) -> str:
    return (
        f"{result.model} on {result.fabric}: {result.gpus} GPUs, {result.parallel}, {result.transport}"
        f" ({result.routing})"
    )


def colour_of(row: LedgerRow) -> str:
    """By what kind of cause it is, the same in every picture."""
    if row.cause == "compute":
        return COMPUTING
    if row.gpu_seconds < 0:
        return GAIN
    return WAITING if row.cause in WAITS else NETWORK


def _draw_ledger(result: TrainResult, axes: Axes) -> None:
    from matplotlib.patches import Patch

    rows = [row for row in result.ledger if abs(row.fraction) >= LEAST_SHARE]
    begin, names, colours = 0.0, [], []
    for place, row in enumerate(rows):
        axes.bar(place, 100 * row.fraction, bottom=100 * begin, color=colour_of(row), width=0.62)
        end = begin + row.fraction
        axes.plot((place - 0.31, place + 1.31), (100 * end, 100 * end), color="#9aa0a6", linewidth=0.8, zorder=0)
        _label(axes, place, 100 * max(begin, end), f"{row.fraction:.1%}")
        begin = end
        names.append(row.cause.replace("_", " "))
        colours.append(colour_of(row))
    whole = sum(row.fraction for row in result.ledger)
    axes.bar(len(rows), 100 * whole, color=WHOLE, width=0.62)
    _label(axes, len(rows), 100 * whole, f"{format_si(result.step_time_s, 's')}")
    axes.set_xticks(range(len(rows) + 1), [*names, "step"], fontsize=9)
    axes.set_ylim(0, 110)
    axes.set_ylabel("share of GPU-seconds, %")
    axes.set_title(_summary(result), fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    kinds = [Patch(color=colour, label=NAMES[colour]) for colour in NAMES if colour in {*colours, WHOLE}]
    axes.legend(handles=kinds, loc="lower center", fontsize=9)


def _summary(result: TrainResult) -> str:
    starved = f"GPUs compute {1 - result.starved_fraction:.1%} of the time and starve {result.starved_fraction:.1%}"
    if result.cost is None:
        return starved
    return f"{starved}: {result.cost.starved_usd:.2f} of {result.cost.usd:.2f} USD per step"


def _label(axes: Axes, place: float, height: float, text: str) -> None:
    axes.annotate(text, (place, height), (0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=9)


def _draw_timeline(result: TrainResult, axes: Axes) -> None:
    """One row per pipeline stage: tasks and optimizer, and below them in a thin line what is sent beside."""
    from matplotlib.patches import Patch

    from ..sims.timeline import COMPUTE, OPTIMIZER, TASKS

    colours = dict(zip(TASKS.values(), (COMPUTING, BACKWARD, BACKWARD), strict=True)) | {OPTIMIZER: UPDATE}
    spans: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for each in result.timeline:
        colour = colours[each.what] if each.stream == COMPUTE else NETWORK
        spans.setdefault((each.stage, colour), []).append((each.begin_s, each.end_s - each.begin_s))
    stages = 1 + max(stage for stage, _ in spans)
    for stage in range(stages):
        axes.broken_barh([(0, result.step_time_s)], (stage - 0.42, 0.66), color=IDLE)
    for (stage, colour), pieces in spans.items():
        if colour == NETWORK:
            # often shorter than a dot: an outline keeps it visible
            axes.broken_barh(pieces, (stage + 0.26, 0.16), color=colour, linewidth=0.4)
        else:
            axes.broken_barh(pieces, (stage - 0.42, 0.66), color=colour, linewidth=0)
    axes.set_xlim(0, result.step_time_s)
    axes.set_ylim(stages - 0.5, -0.5)
    axes.set_yticks(range(0, stages, max(1, stages // 8)))
    axes.set_ylabel("pipeline stage")
    axes.set_xlabel("seconds since the step began; forward and backward with the messages that they wait for")
    axes.spines[["top", "right"]].set_visible(False)
    names = {
        COMPUTING: "forward",
        BACKWARD: "backward",
        UPDATE: "optimizer",
        IDLE: "idle",
        NETWORK: "sent beside computing",
    }
    kinds = [Patch(color=colour, label=name) for colour, name in names.items()]
    axes.legend(handles=kinds, loc="lower left", bbox_to_anchor=(0, 1), ncols=5, fontsize=9, frameon=False)
