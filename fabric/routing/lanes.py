"""Virtual lanes: which buffer of its link each hop waits in, so that waiting never closes a circle.

A function here takes the switch-to-switch part of paths and gives a lane per hop (Dally, Seitz, "Deadlock-Free Message
Routing in Multiprocessor Interconnection Networks", 1987: channels are split until their dependencies have no cycle).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from .router import Lanes, Paths

Assign = Callable[[Paths], Lanes]

MOST_LANES = 127


def one_lane(paths: Paths) -> Lanes:
    """For rules whose dependencies have no cycle by themselves, and those that live with one."""
    return np.zeros(len(paths.links), dtype=np.int8)


def by_hop(paths: Paths) -> Lanes:
    """One lane more with every hop: right on any graph, at the price of as many lanes as hops."""
    return _lanes(np.arange(len(paths.links)) - np.repeat(paths.indptr[:-1], np.diff(paths.indptr)))


def by_crossing(crosses: npt.NDArray[np.bool_]) -> Assign:
    """One lane more after every link that `crosses` (bool per directed link of the fabric): between the groups of a
    dragonfly (Kim et al., ISCA 2008, section 4: a lane per phase of the way)."""

    def assign(paths: Paths) -> Lanes:
        return _lanes(_before(crosses[paths.links], paths.indptr[:-1], np.diff(paths.indptr)))

    return assign


def by_dateline(crosses: npt.NDArray[np.bool_], dimension: npt.NDArray[np.int8]) -> Assign:
    """Lane 1 behind the dateline of a ring, lane 0 before it, anew in each dimension. `crosses` says which directed
    links run over a dateline, `dimension` along which dimension they run (Dally, Seitz 1987, section 4)."""

    def assign(paths: Paths) -> Lanes:
        along = dimension[paths.links]
        begins = np.zeros(len(along), dtype=np.bool_)
        begins[paths.indptr[:-1][np.diff(paths.indptr) > 0]] = True
        begins[1:] |= along[1:] != along[:-1]
        starts = np.flatnonzero(begins)
        return _lanes(_before(crosses[paths.links], starts, np.diff(np.r_[starts, len(along)])))

    return assign


def _before(
    crosses: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Crossings ahead of each hop within its run of `counts` hops from `starts`."""
    total = np.concatenate(([0], np.cumsum(crosses)))
    return total[: len(crosses)] - np.repeat(total[starts], counts)


def _lanes(lanes: npt.NDArray[np.int64]) -> Lanes:
    if lanes.max(initial=0) > MOST_LANES:
        raise RoutingError(Fault(f"needs {lanes.max() + 1} lanes", "route by updn, which needs one"))
    return lanes.astype(np.int8)
