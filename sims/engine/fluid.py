"""The kernels' state of a run, laid out once before it."""

from __future__ import annotations

import numpy as np

from ._fluid_kernels import LINK, SLOT, UNPLACED, Fluid
from ._layout_kernels import mark_limiting
from ._max_min_kernels import Paths
from ._proof_kernels import Audit
from ._timeline_kernels import ABSENT, Order, Timeline
from .changes import Rows
from .validate import Floats, Problem, Schedule

_BITS_PER_BYTE = 8


def with_caps_as_links(problem: Problem) -> tuple[Paths, Floats]:
    """Paths and capacities in which each capped flow crosses one link more, of its own, that is as wide as its cap.

    To the event loop a cap is a link like any other. The capacities are the loop's to change.
    """
    paths, capacity = problem.paths(), problem.capacity.copy()
    capped = np.flatnonzero(np.isfinite(paths.limit))
    if len(capped) == 0:
        return paths, capacity
    ends = paths.indptr[1:][capped]
    own_links = np.arange(len(capacity), len(capacity) + len(capped), dtype=np.int32)
    longer = np.zeros(len(paths.indptr), np.int64)
    longer[1:][capped] = 1
    extended = Paths(
        paths.indptr + np.cumsum(longer),
        np.insert(paths.links, ends, own_links),
        np.insert(paths.demand, ends, 1.0) if len(paths.demand) else paths.demand,
        np.full(problem.n_flows, np.inf),
    )
    return extended, np.concatenate((capacity, paths.limit[capped]))


def without_slack_hops(paths: Paths, capacity: Floats) -> Paths:
    """Paths without the hops over links that a single flow uses and that are no narrower than others on its path."""
    flows_of_link = np.bincount(paths.links, minlength=len(capacity))
    if not (flows_of_link == 1).any():
        return paths
    kept = np.empty(len(paths.links), np.bool_)
    mark_limiting(paths, capacity, flows_of_link, kept)
    before = np.concatenate(([0], np.cumsum(kept)))
    demand = paths.demand[kept] if len(paths.demand) else paths.demand
    return Paths(before[paths.indptr], paths.links[kept], demand, paths.limit)


def work_of_rows(rows: Rows, schedule: Schedule) -> Floats:
    """Bits / weight that each row begins with: of a later route nothing, until its flow takes it."""
    work = np.zeros(len(rows.flow))
    work[: len(schedule.size_bytes)] = schedule.size_bytes * _BITS_PER_BYTE
    return work if rows.problem.weights is None else work / rows.problem.weights


def new_fluid(paths: Paths, capacity: Floats, work: Floats, metered: bool) -> Fluid:
    """State before the first event: every link empty, every flow with its `work` (bits / weight) to do.

    `metered`: loads of links are to be logged.
    """
    n_flows, n_links, n_hops = len(work), len(capacity), len(paths.links)
    flows_of_link = np.bincount(paths.links, minlength=n_links + 1)
    most = int(flows_of_link.max(initial=1))
    links = np.zeros(n_links + 1, LINK)
    links["capacity"][:-1] = capacity
    links["level"] = np.inf
    links["first"] = np.cumsum(flows_of_link) - flows_of_link
    links["due_at"] = -1
    return Fluid(
        indptr=paths.indptr,
        hop_link=paths.links,
        hop_flow=np.repeat(np.arange(n_flows, dtype=np.int32), np.diff(paths.indptr)),
        hop_slot=np.empty(n_hops, np.int32),
        demand=paths.demand,
        links=links,
        slots=np.empty(n_hops, SLOT),
        tight=np.full(n_flows, UNPLACED, np.int32),
        work=work,
        due_s=np.empty(n_links),
        due_link=np.empty(n_links, np.int32),
        dirty_level=np.empty(n_links),
        dirty_link=np.empty(n_links, np.int32),
        touched=np.empty(n_links, np.int32),
        cap=np.empty(most),
        cap_demand=np.empty(most),
        cap_hop=np.empty(most, np.int32),
        metered=np.empty(n_links if metered else 0, np.int32),
        size=np.zeros(4, np.int64),
    )


def new_timeline(schedule: Schedule, rows: Rows, work: Floats, n_links: int) -> Timeline:
    """Starts as scheduled, nothing under way; `work` (bits / weight) per row."""
    n_flows, n_rows = len(schedule.start_s), len(rows.flow)
    return Timeline(
        start_s=schedule.start_s.copy(),
        finish_s=np.full(n_flows, np.inf),
        row=np.arange(n_flows, dtype=np.int32),
        flow=rows.flow,
        joined_work=work.copy(),
        left_work=np.zeros(n_rows),
        active=np.empty(n_flows, np.int32),
        place=np.full(n_rows, ABSENT, np.int32),
        ending=np.empty(n_rows, np.int32),
        starting=np.empty(n_rows, np.int32),
        released_s=np.empty(n_flows),
        released=np.empty(n_flows, np.int32),
        queue=np.empty(n_links + 1, np.int32),
        size=np.zeros(7, np.int64),
    )


def new_order(schedule: Schedule) -> Order:
    """Dependencies, and the flows without any by their start."""
    roots = np.flatnonzero(schedule.waits == 0).astype(np.int32)
    roots = roots[np.argsort(schedule.start_s[roots], kind="stable")]
    return Order(schedule.waits.copy(), schedule.next_indptr, schedule.next_flows, roots)


def new_audit(n_flows: int, n_links: int, on: bool) -> Audit:
    """Workspace of a certified run; an audit that is not `on` needs none."""
    flows, links = (n_flows, n_links) if on else (0, 0)
    unfair = np.full(2, -1, np.int64)
    return Audit(np.array([on]), np.zeros(1, np.int64), unfair, np.empty(flows), np.empty(links), np.empty(links))
