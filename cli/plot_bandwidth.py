"""Bus bandwidth against size as a picture: a line per fabric and algorithm, published measurements as points."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..fabric.errors import Fault, InputError
from ..fabric.files import replacing
from ..fabric.units import format_size
from .plot import empty_figure, kind_of_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..sims.results import CollectiveResult

Points = list[tuple[float, float]]

_STYLES = ("-",) * 10 + ("--",) * 10 + (":",) * 10
"""Lines of one colour are told apart by their dashes."""

_UNDATED = {".png": {}, ".svg": {"Date": None}}
"""Formats of matplotlib, and what keeps the time out of them; .html holds an .svg."""


def plot_bandwidth(results: Sequence[CollectiveResult], measured: Mapping[str, Points], path: str) -> None:
    """Draw into a file, whole or not at all; `measured` points stand beside, by their label. Raises InputError without
    matplotlib, for another kind of file, or where all sizes are 0."""
    kind = refuse_kind(path)
    lines = _lines(results)
    if not lines:
        raise InputError("no size is left to draw", "give --op and --size that move bytes")
    figure = empty_figure((9, 5.5))
    import matplotlib

    axes = figure.subplots()
    axes.set_prop_cycle(linestyle=_STYLES, color=matplotlib.color_sequences["tab10"] * 3)
    for label, line in lines.items():
        axes.plot(*zip(*line, strict=True), marker=".", label=label)
    for name, points in measured.items():
        axes.plot(*zip(*points, strict=True), "kx", label=f"measured ({name})")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda size, _: format_size(round(size)))
    axes.set(xlabel="size", ylabel="bus bandwidth, GB/s", title=results[0].rows[0].op)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    with matplotlib.rc_context({"svg.hashsalt": "fabricsim"}), replacing(path) as temporary:
        if kind == ".html":
            temporary.write_text(_page(figure), encoding="utf-8")
        else:
            figure.savefig(temporary, format=kind[1:], metadata=_UNDATED[kind])


def refuse_kind(path: str) -> str:
    """`".png"`. Raises InputError for another kind of file, or without matplotlib."""
    return kind_of_picture(path, (*_UNDATED, ".html"))


def _lines(results: Sequence[CollectiveResult]) -> dict[str, Points]:
    """(size, busbw) by what is to be told apart: fabrics, and algorithms where a size has several. A size that
    nccl-tests rounds to 0 has no place on an axis of powers."""
    lines: dict[str, Points] = defaultdict(list)
    for result in results:
        several = len({row.size_bytes for row in result.rows}) < len(result.rows)
        for row in (row for row in result.rows if row.size_bytes):
            label = f"{result.fabric}, {row.algorithm}" if several else f"{result.fabric}, {row.transport}"
            lines[label].append((row.size_bytes, row.busbw_GBps))
    return lines


def published_points(path: str) -> Points:
    """(size in bytes, busbw in GB/s) of a CSV file; lines that start with # are a header of their own.

    Raises InputError for a file that cannot be read, without the columns, and for every line that is no pair of
    numbers.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        numbered = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
        rows = list(csv.reader(line for _, line in numbered))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Fault(f"cannot be read: {error}", "give a CSV file", path)) from None
    head = rows[0] if rows else []
    column = next((name for name in ("oop_busbw_GBps", "busbw_GBps") if name in head), None)
    if column is None or "size_bytes" not in head:
        cure = "give columns size_bytes and busbw_GBps, or oop_busbw_GBps"
        raise InputError(Fault("has no sizes and bandwidths", cure, path))
    size, busbw = head.index("size_bytes"), head.index(column)
    points, faults = [], []
    for (number, _), row in zip(numbered[1:], rows[1:], strict=False):
        try:
            point = float(row[size]), float(row[busbw])
        except (ValueError, IndexError):
            point = math.nan, math.nan
        if 0 < point[0] < math.inf and 0 <= point[1] < math.inf:
            points.append(point)
        else:
            faults.append(Fault("is no size and bandwidth", "write numbers, sizes above 0", path, number))
    if not points and not faults:
        faults.append(Fault("has no points", "give a line for each size", path))
    if faults:
        raise InputError(faults)
    return points


def _page(figure: Figure) -> str:
    """The picture in a page of its own."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata=_UNDATED[".svg"])
    picture = drawn.getvalue()
    return f"<!doctype html>\n<meta charset='utf-8'><title>fabricsim</title>\n{picture[picture.index('<svg') :]}"
