"""A comparison as a picture: one panel per figure, one bar per fabric."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ..fabric.errors import Fault, InputError
from ..fabric.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..topologies.compare import Comparison

_PANELS = (
    ("network_cost_usd", 1e6, "network cost, million USD"),
    ("network_power_w", 1e3, "network power, kW"),
    ("switches", 1, "switches"),
    ("transceivers", 1, "transceivers"),
    ("bisection_bps_per_gpu", 1e9, "bisection per GPU, Gbit/s"),
    ("bisection_left", 0.01, "bisection with 5% of switches out, %"),
)
UNDATED = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
"""Kinds of files, and what keeps the time out of them."""


def kind_of_picture(path: str, kinds: Collection[str] = tuple(UNDATED)) -> str:
    """`".png"`. Raises InputError for a name that ends in none of `kinds`, or without matplotlib."""
    kind = Path(path).suffix.lower()
    if kind not in kinds:
        raise InputError(Fault("is no kind of picture", f"end the name in {', '.join(kinds)}", path))
    empty_figure((1.0, 1.0))
    return kind


def empty_figure(inches: tuple[float, float]) -> Figure:
    """To draw on. Raises InputError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("a plot needs matplotlib", "pip install matplotlib") from None
    return Figure(figsize=inches, layout="constrained")


def save(figure: Figure, path: str, kind: str) -> None:
    """Into a file, whole or not at all; the same picture gives the same bytes."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "fabricsim"}), replacing(path) as temporary:
        figure.savefig(temporary, format=kind[1:], metadata=UNDATED[kind], dpi=140)


def plot_comparison(comparison: Comparison, path: str) -> None:
    """Draw into a file, whole or not at all. Raises InputError without matplotlib, or for another kind of file."""
    kind = kind_of_picture(path)
    figure = empty_figure((11, 6))
    names = [row.fabric.partition(",")[0] + "*" * bool(row.unpriced) for row in comparison.rows]
    if any(row.unpriced for row in comparison.rows):
        figure.supxlabel("* not every part has a price", fontsize=8)
    for axes, (field, unit, title) in zip(figure.subplots(2, 3).flat, _PANELS, strict=True):
        values = [(getattr(row, field) or 0) / unit for row in comparison.rows]
        axes.barh([f"{number + 1} {name}" for number, name in enumerate(names)], values)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
    save(figure, path, kind)
