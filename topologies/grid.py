"""Switches on a grid of one to four dimensions, numbered with the last coordinate running fastest."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, SpecError

_MOST_DIMENSIONS = 4


def refuse_bad_dims(dims: tuple[int, ...]) -> None:
    """Raise SpecError unless there are one to four dimensions of two switches or more."""
    if len(dims) > _MOST_DIMENSIONS:
        shown = "x".join(map(str, dims[:_MOST_DIMENSIONS]))
        raise SpecError(
            Fault(f"{len(dims)} dimensions are more than {_MOST_DIMENSIONS}", f"dims={shown}", field="dims")
        )
    if min(dims) < 2:
        longer = [str(size) for size in dims if size > 1] or ["2"]
        message = "a dimension of one switch has no cables"
        raise SpecError(Fault(message, f"dims={'x'.join(longer)}", field="dims"))


def coordinates(dims: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """[dimension, switch]."""
    return np.array(np.unravel_index(np.arange(prod(dims)), dims))


def coordinate_columns(dims: tuple[int, ...]) -> dict[str, npt.NDArray[np.int64]]:
    """The node columns coord0, coord1, ... of the switches."""
    return {f"coord{axis}": values for axis, values in enumerate(coordinates(dims))}


def grid_name(dims: tuple[int, ...]) -> str:
    """`"switch-{}-{}"` for two dimensions."""
    return "switch" + "-{}" * len(dims)
