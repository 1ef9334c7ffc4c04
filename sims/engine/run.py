"""A plan, run to its end by the event loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ._event_kernels import run_flows
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, refuse_unfair
from .fluid import new_audit, new_fluid, new_order, new_timeline
from .plan import BITS_PER_BYTE, Plan, with_caps_as_links, without_slack_hops
from .record import LinkRecord, Recorder
from .symmetry import Symmetry
from .validate import Floats


@dataclass(frozen=True)
class Run:
    """What the event loop finds: times per flow, work done per row, and, if metered, the load of each link."""

    start_s: Floats
    finish_s: Floats
    done_work: Floats
    carried_bytes: Floats
    busy_s: Floats
    bin_bytes: Floats
    resolution_s: float | None

    def expanded(self, alike: Symmetry) -> Run:
        """The run of all flows and links, where this is the run of their classes."""
        flows, links = alike.flow_class, alike.link_class if len(self.carried_bytes) else slice(None)
        return replace(
            self,
            start_s=self.start_s[flows],
            finish_s=self.finish_s[flows],
            done_work=self.done_work[flows],
            carried_bytes=self.carried_bytes[links],
            busy_s=self.busy_s[links],
            bin_bytes=self.bin_bytes[links],
        )

    def record(self, n_links: int) -> LinkRecord | None:
        """The record of the first `n_links` links, if one was kept."""
        if self.resolution_s is None:
            return None
        return LinkRecord(self.resolution_s, self.bin_bytes[:n_links], self.busy_s[:n_links])


def run_plan(plan: Plan, certify: bool, resolution_s: float | None) -> Run:
    """Run a plan; prove its allocations if `certify`, keep the loads of links at a resolution if one is given.

    Raises:
        InternalError: `certify` found an allocation that is not fair.
    """
    metered = certify or resolution_s is not None
    plan = with_caps_as_links(plan)
    if plan.is_fixed and not metered:
        plan = without_slack_hops(plan)
    paths, capacity = plan.paths, plan.capacity.copy()
    n_rows, n_links = len(plan.work), len(capacity)
    fluid, timeline, order = new_fluid(plan, metered), new_timeline(plan), new_order(plan.schedule)
    fill = new_filling(n_rows, n_links, len(paths.links), len(paths.demand) == 0)
    recorder, audit = Recorder(n_links if metered else 0, resolution_s), new_audit(n_rows, n_links, certify)
    while run_flows(fluid, paths, capacity, order, plan.shifts, timeline, fill, recorder.log, audit, TOLERANCE):
        recorder.read_log()
    recorder.read_log()
    refuse_unfair(*audit.unfair)
    return Run(
        timeline.start_s,
        timeline.finish_s,
        timeline.joined_work - timeline.left_work,
        recorder.carried_bits / BITS_PER_BYTE,
        recorder.busy_s,
        recorder.bin_bits / BITS_PER_BYTE,
        resolution_s,
    )
