"""Switches on a closed grid look alike from each other: torus and HyperX, whose every shift along a dimension maps
cables to cables (Cayley graphs of Z_d1 x ... x Z_dn; Akers and Krishnamurthy, "A Group-Theoretic Model for Symmetric
Interconnection Networks", IEEE Trans. Computers 1989).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from .switch_graph import SwitchGraph

_COORDINATES = ("coord0", "coord1", "coord2", "coord3")


def orbits(fabric: Fabric, graph: SwitchGraph) -> npt.NDArray[np.int64] | None:
    """The class of each ordered pair of joined switches, int64[m]: pairs of one class differ by a shift of the grid.
    None unless the switches fill a grid and each of its shifts keeps all cables and rates."""
    place = _places(fabric, graph)
    if place is None:
        return None
    dims = place.max(axis=1) + 1
    number = np.ravel_multi_index(tuple(place), tuple(dims))
    if not np.array_equal(np.sort(number), np.arange(dims.prod())):
        return None
    step = (place[:, graph.neighbour] - place[:, graph.source]) % dims[:, None]
    orbit = np.ravel_multi_index(tuple(step), tuple(dims))
    return np.unique(orbit, return_inverse=True)[1] if _alike(graph, orbit) else None


def _places(fabric: Fabric, graph: SwitchGraph) -> npt.NDArray[np.int64] | None:
    """[dimension, switch], without dimensions that no switch has a coordinate of."""
    columns = [fabric.column(name)[graph.node].astype(np.int64) for name in _COORDINATES]
    used = [column for column in columns if len(column) and column.max() >= 0]
    return np.array(used) if used and min(column.min() for column in used) >= 0 else None


def _alike(graph: SwitchGraph, orbit: npt.NDArray[np.int64]) -> bool:
    """Whether every switch has the same steps to its neighbours, over as many cables of the same rates."""
    degree = np.diff(graph.indptr)
    if (degree != degree[0]).any():
        return False
    order = np.lexsort((orbit, graph.source))
    rows = [values[order].reshape(graph.size, -1) for values in (orbit, graph.cables, graph.capacity_bps)]
    return all((row == row[0]).all() for row in rows)
