"""Flows on links as the engine's kernels take them: checked here, once, and never again.

Each door turns what a caller gave into contiguous arrays of one dtype, or raises a `FlowError` that names every flow
and link at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ._check_kernels import (
    CAPPED_AT_ZERO,
    DEAD_LINK,
    REPEATED_LINK,
    UNBOUNDED,
    UNKNOWN_LINK,
    flows_never_released,
    path_faults,
    paths_are_sound,
)
from ._max_min_kernels import Paths

Floats = NDArray[np.float64]
Checked = TypeVar("Checked")

_PATH_FAULTS = {
    UNKNOWN_LINK: ("path names link {link}, and there are {links}", "link ids are 0 .. number of capacities - 1"),
    REPEATED_LINK: ("path crosses link {link} twice", "a path uses each link once"),
    DEAD_LINK: ("path uses link {link} of capacity {capacity}", "a link in use needs a finite capacity above 0"),
    UNBOUNDED: ("path is empty and there is no cap", "give the flow a path or a finite cap"),
    CAPPED_AT_ZERO: ("cap is 0 and there are bytes to send", "give the flow a cap above 0"),
}


@dataclass(frozen=True)
class Problem:
    """Who crosses which link, and what limits whom. Shares are per hop, weights and caps per flow; None for none."""

    indptr: NDArray[np.int64]
    links: NDArray[np.int32]
    capacity: Floats
    shares: Floats | None
    weights: Floats | None
    caps: Floats | None

    @property
    def n_flows(self) -> int:
        return len(self.indptr) - 1

    def paths(self) -> Paths:
        """The kernels' view, in levels (rate / weight)."""
        demand = np.empty(0) if self.shares is None else self.shares
        limit = np.full(self.n_flows, np.inf) if self.caps is None else self.caps
        if self.weights is not None:
            weight_of_hop = np.repeat(self.weights, np.diff(self.indptr))
            demand = weight_of_hop if self.shares is None else weight_of_hop * demand
            limit = limit / self.weights
        return Paths(self.indptr, self.links, demand, limit)

    def rates(self, levels: Floats) -> Floats:
        """Rates of flows at these levels, in the unit of the capacities."""
        return levels if self.weights is None else levels * self.weights


@dataclass(frozen=True)
class Schedule:
    """What is sent and when. CSR `after_*`: the flows that each flow waits for; `next_*`: those that wait for it."""

    size_bytes: Floats
    start_s: Floats
    after_indptr: NDArray[np.int64]
    after_flows: NDArray[np.int32]
    next_indptr: NDArray[np.int64]
    next_flows: NDArray[np.int32]

    @classmethod
    def of(
        cls, size_bytes: Floats, start_s: Floats, after_indptr: NDArray[np.int64], after_flows: NDArray[np.int32]
    ) -> Schedule:
        """The schedule with these rows of `after`, and their transpose."""
        n_flows = len(size_bytes)
        later = np.repeat(np.arange(n_flows, dtype=np.int32), np.diff(after_indptr))
        next_indptr = np.concatenate(([0], np.cumsum(np.bincount(after_flows, minlength=n_flows)))).astype(np.int64)
        next_flows = later[np.argsort(after_flows, kind="stable")]
        return cls(size_bytes, start_s, after_indptr, after_flows, next_indptr, next_flows)

    @property
    def waits(self) -> NDArray[np.int32]:
        """How many flows each flow waits for."""
        return np.diff(self.after_indptr).astype(np.int32)


def check_flows(
    indptr: ArrayLike,
    links: ArrayLike,
    capacity_bps: ArrayLike,
    size_bytes: ArrayLike,
    start_s: ArrayLike | None,
    shares: ArrayLike | None,
    weights: ArrayLike | None,
    caps_bps: ArrayLike | None,
    after: tuple[ArrayLike, ArrayLike] | None,
) -> tuple[Problem, Schedule]:
    """All that describes flows in time.

    Raises:
        FlowError: with the faults of sizes, problem and schedule together.
    """
    faults: list[Fault] = []
    size = _gather(faults, lambda: check_sizes(size_bytes, indptr))
    sends = np.zeros(max(np.size(indptr) - 1, 0), np.bool_) if size is None else size > 0
    problem = _gather(faults, lambda: check_problem(indptr, links, capacity_bps, shares, weights, caps_bps, sends))
    schedule = None if size is None else _gather(faults, lambda: check_schedule(size, start_s, after))
    if problem is None or schedule is None:
        raise FlowError(faults)
    return problem, schedule


def check_problem(
    indptr: ArrayLike,
    links: ArrayLike,
    capacity: ArrayLike,
    shares: ArrayLike | None,
    weights: ArrayLike | None,
    caps: ArrayLike | None,
    sends: NDArray[np.bool_] | None = None,
) -> Problem:
    """The problem in the kernels' dtypes. `sends` marks flows with bytes, which need a rate; None marks every flow.

    Raises:
        FlowError: rows that are no CSR, lengths that differ, a link out of range, twice on a path or without capacity,
            a flow that nothing limits, shares out of (0, 1], weights not above 0, caps below 0, NaN anywhere.
    """
    rows, hops = check_rows("indptr", indptr, "links", links)
    faults: list[Fault] = []
    problem = Problem(
        rows,
        hops,
        as_floats("capacity", capacity, None, faults),
        None if shares is None else as_floats("shares", shares, len(hops), faults),
        None if weights is None else as_floats("weights", weights, len(rows) - 1, faults),
        None if caps is None else as_floats("caps", caps, len(rows) - 1, faults),
    )
    _raise_any(faults)
    faults += _faults_of_paths(problem, sends)
    faults += _faults_of_shares(problem)
    if problem.weights is not None:
        good = (problem.weights > 0) & (problem.weights < np.inf)
        faults += faults_of_values("weights", problem.weights, good, "a finite number above 0")
    if problem.caps is not None:
        faults += faults_of_values("caps", problem.caps, problem.caps >= 0, "a number of at least 0")
    _raise_any(faults)
    return problem


def check_sizes(size_bytes: ArrayLike, indptr: ArrayLike) -> Floats:
    """Bytes per flow, fractions allowed.

    Raises:
        FlowError: another number of them than flows; negative, infinite or NaN.
    """
    faults: list[Fault] = []
    size = as_floats("size_bytes", size_bytes, max(np.size(indptr) - 1, 0), faults)
    if not faults:
        faults += faults_of_values("size_bytes", size, (size >= 0) & (size < np.inf), "a finite number of at least 0")
    _raise_any(faults)
    return size


def check_schedule(
    size_bytes: Floats, start_s: ArrayLike | None, after: tuple[ArrayLike, ArrayLike] | None
) -> Schedule:
    """The schedule in the kernels' dtypes.

    Raises:
        FlowError: starts that are negative, infinite or NaN; `after` that names unknown flows or runs in a circle.
    """
    n_flows = len(size_bytes)
    faults: list[Fault] = []
    start = np.zeros(n_flows) if start_s is None else as_floats("start_s", start_s, n_flows, faults)
    if not faults:
        faults += faults_of_values("start_s", start, (start >= 0) & (start < np.inf), "a finite time of at least 0")
    _raise_any(faults)
    nobody = np.zeros(n_flows + 1, np.int64), np.empty(0, np.int32)
    schedule = Schedule.of(size_bytes, start, *(nobody if after is None else _waits(n_flows, after)))
    circular = flows_never_released(schedule.waits, schedule.next_indptr, schedule.next_flows)
    _raise_any([_fault(f, "it waits for a flow that waits, in the end, for itself", "after") for f in circular])
    return schedule


def check_rows(
    rows_name: str, indptr: ArrayLike, items_name: str, items: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """CSR rows as int64, items as int32.

    Raises:
        FlowError: no integers, more than one dimension, rows that do not cover the items in order.
    """
    faults: list[Fault] = []
    rows = as_integers(rows_name, indptr, np.int64, faults)
    columns = as_integers(items_name, items, np.int32, faults)
    _raise_any(faults)
    if len(rows) == 0 or rows[0] != 0 or rows[-1] != len(columns) or (rows[1:] < rows[:-1]).any():
        message = f"rows must begin at 0, never fall, and end at the number of {items_name}, {len(columns)}"
        raise FlowError(Fault(message, field=rows_name))
    return rows, columns


def _waits(n_flows: int, after: tuple[ArrayLike, ArrayLike]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    rows, earlier = check_rows("after[0]", after[0], "after[1]", after[1])
    if len(rows) != n_flows + 1:
        raise FlowError(Fault(f"{len(rows) - 1} rows for {n_flows} flows", field="after[0]"))
    later = np.repeat(np.arange(n_flows, dtype=np.int32), np.diff(rows))
    unknown = np.flatnonzero((earlier < 0) | (earlier >= n_flows))
    _raise_any([_fault(later[k], f"it waits for flow {earlier[k]}, and there are {n_flows}", "after") for k in unknown])
    return rows, earlier


def _faults_of_paths(problem: Problem, sends: NDArray[np.bool_] | None) -> Iterator[Fault]:
    caps = np.empty(0) if problem.caps is None else problem.caps
    if (caps > 0).all() and paths_are_sound(problem.indptr, problem.links, problem.capacity):
        return
    needs_rate = np.empty(0, np.bool_) if sends is None else sends
    for flow, kind, link in path_faults(problem.indptr, problem.links, problem.capacity, caps, needs_rate):
        message, cure = _PATH_FAULTS[kind]
        capacity = problem.capacity[link] if kind == DEAD_LINK else np.nan
        text = message.format(link=link, links=len(problem.capacity), capacity=capacity)
        yield Fault(f"flow {flow}: {text}", cure, field="links" if link >= 0 or kind == UNKNOWN_LINK else "caps")


def _faults_of_shares(problem: Problem) -> Iterator[Fault]:
    shares = problem.shares
    if shares is None:
        return
    for k in np.flatnonzero(~((shares > 0) & (shares <= 1))):
        flow = np.searchsorted(problem.indptr, k, side="right") - 1
        yield _fault(flow, f"share {shares[k]} of link {problem.links[k]} is not in (0, 1]", "shares")


def faults_of_values(
    name: str, values: NDArray, good: NDArray[np.bool_], domain: str, what: str = "flow"
) -> list[Fault]:
    """A fault for each value that is not good; `what` says of what they are."""
    return [Fault(f"{what} {i}: {values[i]} is not {domain}", field=name) for i in np.flatnonzero(~good)]


def _fault(flow: int | np.integer, message: str, field: str) -> Fault:
    return Fault(f"flow {flow}: {message}", field=field)


def as_floats(name: str, values: ArrayLike, length: int | None, faults: list[Fault]) -> Floats:
    """`values` as float64[length], or a fault added."""
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        faults.append(Fault("not an array of numbers", field=name))
        return np.empty(0)
    if np.ndim(values) != 1:
        faults.append(Fault(f"must have one dimension, not {np.ndim(values)}", field=name))
    elif length is not None and len(array) != length:
        faults.append(Fault(f"{len(array)} values where {length} are needed", field=name))
    return array


def as_integers(name: str, values: ArrayLike, dtype: type, faults: list[Fault]) -> NDArray:
    """`values` as a one-dimensional array of `dtype`, or a fault added."""
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty((0, 0))
    if array.size == 0 and array.ndim == 1:
        return np.empty(0, dtype)
    limits = np.iinfo(dtype)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        faults.append(Fault("not a one-dimensional array of integers", field=name))
    elif array.dtype != dtype and (array.min() < limits.min or array.max() > limits.max):
        faults.append(Fault(f"beyond the range of {limits.dtype}", field=name))
    else:
        return np.ascontiguousarray(array, dtype=dtype)
    return np.empty(0, dtype)


def _gather(faults: list[Fault], check: Callable[[], Checked]) -> Checked | None:
    """What `check` returns, or None and its faults added."""
    try:
        return check()
    except FlowError as error:
        faults += error.faults
        return None


def _raise_any(faults: list[Fault]) -> None:
    if faults:
        raise FlowError(faults)
