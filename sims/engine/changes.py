"""What changes while flows run: capacities of links, routes of flows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ._timeline_kernels import Shifts
from .validate import Floats, Problem, as_floats, as_integers, check_problem, faults_of_values


@dataclass(frozen=True)
class Changes:
    """Timed changes of capacity and of route, in any order; of those at one time the later in the list wins.

    A link may fall to 0: flows on it wait until it recovers or they are routed anew. A flow that gets another route
    takes the bytes it has left with it; one that has not started will start there; one that has ended stays ended.

    Attributes:
        capacity_s, capacity_link, capacity_bps: when which link gets which capacity, at least 0.
        route_s, route_flow: when which flow gets another path.
        route_indptr, route_links, route_shares: CSR of these paths, one row per change of route.
    """

    capacity_s: ArrayLike = ()
    capacity_link: ArrayLike = ()
    capacity_bps: ArrayLike = ()
    route_s: ArrayLike = ()
    route_flow: ArrayLike = ()
    route_indptr: ArrayLike = (0,)
    route_links: ArrayLike = ()
    route_shares: ArrayLike | None = None


@dataclass(frozen=True)
class Rows:
    """Flows as the event loop takes them: a row for each flow on its first path, and one for each change of route."""

    problem: Problem
    flow: NDArray[np.int32]
    shifts: Shifts


def rows_of(problem: Problem, changes: Changes | None) -> Rows:
    """The rows of a run.

    Raises:
        FlowError: lengths that differ, times, flows, links or capacities out of range, paths that cannot be used.
    """
    flows = np.arange(problem.n_flows, dtype=np.int32)
    if changes is None:
        nothing, nobody = np.empty(0), np.empty(0, np.int32)
        return Rows(problem, flows, Shifts(nothing, nobody, nothing, nothing, nobody))
    faults: list[Fault] = []
    capacity_s, links = _times(
        "capacity", changes.capacity_s, "link", changes.capacity_link, len(problem.capacity), faults
    )
    capacity = as_floats("capacity_bps", changes.capacity_bps, len(links), faults)
    if len(capacity) == len(links):
        good = (capacity >= 0) & (capacity < np.inf)
        faults += faults_of_values("capacity_bps", capacity, good, "a finite number of at least 0", what="change")
    route_s, moved = _times("route", changes.route_s, "flow", changes.route_flow, problem.n_flows, faults)
    if faults:
        raise FlowError(faults)
    by_capacity, by_route = np.argsort(capacity_s, kind="stable"), np.argsort(route_s, kind="stable")
    later = check_problem(
        changes.route_indptr,
        changes.route_links,
        problem.capacity,
        changes.route_shares,
        None if problem.weights is None else problem.weights[moved],
        None if problem.caps is None else problem.caps[moved],
    )
    if later.n_flows != len(moved):
        raise FlowError(Fault(f"{later.n_flows} paths for {len(moved)} changes of route", field="route_indptr"))
    shifts = Shifts(
        capacity_s[by_capacity],
        links[by_capacity],
        capacity[by_capacity],
        route_s[by_route],
        (problem.n_flows + by_route).astype(np.int32),
    )
    return Rows(_joined(problem, later), np.concatenate((flows, moved)), shifts)


def _times(
    kind: str, times: ArrayLike, what: str, ids: ArrayLike, n_ids: int, faults: list[Fault]
) -> tuple[Floats, NDArray[np.int32]]:
    items = as_integers(f"{kind}_{what}", ids, np.int32, faults)
    time = as_floats(f"{kind}_s", times, len(items), faults)
    if len(time) == len(items):
        good = (time >= 0) & (time < np.inf)
        faults += faults_of_values(f"{kind}_s", time, good, "a finite time of at least 0", what="change")
    known = (items >= 0) & (items < n_ids)
    faults += faults_of_values(f"{kind}_{what}", items, known, f"a {what} of the {n_ids}", what="change")
    return time, items


def _joined(first: Problem, later: Problem) -> Problem:
    """The rows of both problems, on the same links."""

    def both(of_first: Floats | None, of_later: Floats | None) -> Floats | None:
        return None if of_first is None or of_later is None else np.concatenate((of_first, of_later))

    def shares(problem: Problem) -> Floats:
        return np.ones(len(problem.links)) if problem.shares is None else problem.shares

    shared = first.shares is not None or later.shares is not None
    return replace(
        first,
        indptr=np.concatenate((first.indptr, first.indptr[-1] + later.indptr[1:])),
        links=np.concatenate((first.links, later.links)),
        shares=np.concatenate((shares(first), shares(later))) if shared else None,
        weights=both(first.weights, later.weights),
        caps=both(first.caps, later.caps),
    )
