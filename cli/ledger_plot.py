"""The ledger as a waterfall: from computing to the whole step, one bar per cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fabric.files import replacing
from .plot import UNDATED, empty_figure, kind_of_picture

if TYPE_CHECKING:
    from ..sims.train_result import TrainResult


def plot_ledger(result: TrainResult, path: str) -> None:
    """Draw into a file, whole or not at all. Raises InputError without matplotlib, or for another kind of file."""
    kind = kind_of_picture(path)
    rows = [row for row in result.ledger if row.gpu_seconds]
    begins = [sum(row.fraction for row in rows[:place]) for place in range(len(rows))]
    figure = empty_figure((9, 4.5))
    axes = figure.subplots()
    colours = ["tab:green" if row.cause == "compute" else "tab:red" if row.fraction > 0 else "tab:blue" for row in rows]
    names = [row.cause.replace("_", " ") for row in rows]
    shares = [100 * row.fraction for row in rows]
    axes.bar(names, shares, bottom=[100 * begin for begin in begins], color=colours)
    for place, (begin, row) in enumerate(zip(begins, rows, strict=True)):
        top = 100 * max(begin, begin + row.fraction)
        axes.annotate(f"{row.fraction:.1%}", (place, top), ha="center", va="bottom", fontsize=8)
    axes.set_ylim(0, 108)
    axes.set_ylabel("share of the GPU-seconds, %")
    axes.set_title(f"{result.gpus} GPUs, {result.step_time_s:.3f} s per step", fontsize=10)
    axes.tick_params(axis="x", labelrotation=25, labelsize=8)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=kind[1:], metadata=UNDATED[kind])
