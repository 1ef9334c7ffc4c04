"""A plan, run to its end by the event loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._event_kernels import run_flows
from ._fluid_kernels import EVENTS, MOVED, READ
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, refuse_unfair
from .fluid import new_audit, new_fluid, new_order, new_timeline
from .plan import BITS_PER_BYTE, Plan, with_caps_as_links, with_private_links_folded, without_slack_hops
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
    carried_bytes: Floats
    record: LinkRecord
    effort: Effort

    def expanded(self, alike: Symmetry) -> Run:
        """The run of all flows and links, where this is the run of their classes."""
        flows, links = alike.flow_class, alike.link_class if len(self.carried_bytes) else slice(None)
        return replace(
            self,
            start_s=self.start_s[flows],
            finish_s=self.finish_s[flows],
            done_work=self.done_work[flows],
            carried_bytes=self.carried_bytes[links],
            record=self.record.of_links(links),
        )


def run_plan(plan: Plan, certify: bool, resolution_s: float | None) -> Run:
    """Run a plan; prove its allocations if `certify`, record links at a resolution if one is given.

    Raises:
        InternalError: `certify` found an allocation that is not fair.
    """
    metered = certify or resolution_s is not None
    plan = with_caps_as_links(plan)
    metered_at: slice | NDArray[np.int32] = slice(None)
    if plan.is_fixed and not metered:
        plan = without_slack_hops(plan)
    elif plan.is_fixed and not certify:
        plan, metered_at = with_private_links_folded(plan)
    paths, capacity = plan.paths, plan.capacity.copy()
    n_rows, n_links = len(plan.work), len(capacity)
    fluid, timeline, order = new_fluid(plan, metered), new_timeline(plan), new_order(plan.schedule)
    fill = new_filling(n_rows, n_links, len(paths.links), len(paths.demand) == 0)
    recorder, audit = Recorder(n_links if metered else 0, resolution_s), new_audit(n_rows, n_links, certify)
    while run_flows(fluid, paths, capacity, order, plan.shifts, timeline, fill, recorder.meters, audit, TOLERANCE):
        recorder.keep_runs()
    refuse_unfair(*audit.unfair)
    record = recorder.close(float(timeline.finish_s[np.isfinite(timeline.finish_s)].max(initial=0.0)))
    return Run(
        timeline.start_s,
        timeline.finish_s,
        timeline.joined_work - timeline.left_work,
        recorder.meters.links["carried"][metered_at] / BITS_PER_BYTE,
        record.of_links(metered_at),
        Effort(*fluid.size[[EVENTS, MOVED, READ]].tolist()),
    )
