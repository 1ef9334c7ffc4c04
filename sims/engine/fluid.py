"""The kernels' state of a run, laid out once before it."""

from __future__ import annotations

import numpy as np

from ._audit_kernels import Audit
from ._fluid_kernels import LINK, SLOT, UNPLACED, Fluid
from ._timeline_kernels import ABSENT, Order, Timeline
from .plan import Plan
from .record import Recorder
from .validate import Schedule


def new_fluid(plan: Plan, recorder: Recorder) -> Fluid:
    """State before the first event: every link empty, every flow with its work to do."""
    paths = plan.paths
    n_flows, n_links, n_hops = len(plan.work), len(plan.capacity), len(paths.links)
    flows_of_link = np.bincount(paths.links, minlength=n_links + 1)
    most = int(flows_of_link.max(initial=1))
    links = np.zeros(n_links + 1, LINK)
    links["capacity"][:-1] = plan.capacity
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
        work=plan.work.copy(),
        due_s=np.empty(n_links),
        due_link=np.empty(n_links, np.int32),
        dirty_level=np.empty(n_links),
        dirty_link=np.empty(n_links, np.int32),
        touched=np.empty(n_links, np.int32),
        cap=np.empty(most),
        cap_demand=np.empty(most),
        cap_hop=np.empty(most, np.int32),
        meters=recorder.meters,
        runs=recorder.room(),
        bin_s=np.array([recorder.bin_s, 1.0 / recorder.bin_s]),
        size=np.zeros(7, np.int64),
    )


def new_timeline(plan: Plan) -> Timeline:
    """Starts as scheduled, nothing under way."""
    n_flows, n_rows = len(plan.schedule.start_s), len(plan.flow)
    return Timeline(
        start_s=plan.schedule.start_s.copy(),
        finish_s=np.full(n_flows, np.inf),
        row=np.arange(n_flows, dtype=np.int32),
        flow=plan.flow,
        joined_work=plan.work.copy(),
        left_work=np.zeros(n_rows),
        active=np.empty(n_flows, np.int32),
        place=np.full(n_rows, ABSENT, np.int32),
        ending=np.empty(n_rows, np.int32),
        starting=np.empty(n_rows, np.int32),
        released_s=np.empty(n_flows),
        released=np.empty(n_flows, np.int32),
        queue=np.empty(len(plan.capacity) + 1, np.int32),
        size=np.zeros(7, np.int64),
    )


def new_order(schedule: Schedule) -> Order:
    """Dependencies, and the flows without any by their start."""
    roots = np.flatnonzero(schedule.waits == 0).astype(np.int32)
    roots = roots[np.argsort(schedule.start_s[roots], kind="stable")]
    return Order(schedule.waits, schedule.next_indptr, schedule.next_flows, roots)


def new_audit(n_flows: int, n_links: int, on: bool) -> Audit:
    """Workspace of a certified run; an audit that is not `on` needs none."""
    flows, links = (n_flows, n_links) if on else (0, 0)
    unfair = np.full(2, -1, np.int64)
    return Audit(np.array([on]), np.zeros(1, np.int64), unfair, np.empty(flows), np.empty(links), np.empty(links))
