"""A plan, run to its end by the event loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ._event_kernels import run_flows
from ._fluid_kernels import EVENTS, MOVED, READ
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, refuse_unfair
from .fluid import new_audit, new_fluid, new_order, new_timeline
from .plan import Plan, with_caps_as_links, with_private_links_folded, without_slack_hops
from .record import LinkRecord, Recorder
from .result import Effort
from .symmetry import Symmetry
from .validate import Floats


@dataclass(frozen=True)
class Run:
    """What the event loop finds: times per flow, work done per row, and, if metered, what each link carried."""

    start_s: Floats
    finish_s: Floats
    done_work: Floats
    record: LinkRecord
    effort: Effort

    def expanded(self, alike: Symmetry) -> Run:
        """The run of all flows and links, where this is the run of their classes."""
        flows, metered = alike.flow_class, len(self.record.row) > 0
        return replace(
            self,
            start_s=self.start_s[flows],
            finish_s=self.finish_s[flows],
            done_work=self.done_work[flows],
            record=self.record.of_links(alike.link_class) if metered else self.record,
        )


def run_plan(plan: Plan, certify: bool, resolution_s: float | None) -> Run:
    """Run a plan; prove its allocations if `certify`, record links at a resolution if one is given.

    Raises:
        InternalError: `certify` found an allocation that is not fair.
    """
    metered = certify or resolution_s is not None
    plan = with_caps_as_links(plan)
    meter_of_link = np.arange(len(plan.capacity) if metered else 0, dtype=np.int32)
    if plan.is_fixed and not metered:
        plan = without_slack_hops(plan)
    elif plan.is_fixed and not certify:
        plan, meter_of_link = with_private_links_folded(plan)
    paths, capacity = plan.paths, plan.capacity.copy()
    n_rows, n_links = len(plan.work), len(capacity)
    recorder = Recorder(n_links if metered else 0, resolution_s)
    fluid, timeline, order = new_fluid(plan, recorder), new_timeline(plan), new_order(plan.schedule)
    fill, audit = (
        new_filling(n_rows, n_links, len(paths.links), len(paths.demand) == 0),
        new_audit(n_rows, n_links, certify),
    )
    while run_flows(fluid, paths, capacity, order, plan.shifts, timeline, fill, audit, TOLERANCE):
        fluid = recorder.keep_runs(fluid)
    refuse_unfair(*audit.unfair)
    return Run(
        timeline.start_s,
        timeline.finish_s,
        timeline.joined_work - timeline.left_work,
        recorder.close(fluid, meter_of_link),
        Effort(*fluid.size[[EVENTS, MOVED, READ]].tolist()),
    )
