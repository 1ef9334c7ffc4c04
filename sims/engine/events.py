"""Flows in time: each runs at its max-min rate, and rates change when a flow arrives or ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ._event_kernels import SAME_INSTANT, run_flows
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, certify_conservation, refuse_unfair
from .changes import Changes, rows_of
from .fluid import new_audit, new_fluid, new_order, new_timeline
from .plan import BITS_PER_BYTE, Plan, plan_of, with_caps_as_links, without_slack_hops
from .record import LinkRecord, Recorder, check_resolution
from .result import FlowResult
from .symmetry import Symmetry, find_symmetry
from .validate import Floats, Problem, check_problem, check_schedule, check_sizes


def simulate_flows(
    indptr: ArrayLike,
    links: ArrayLike,
    capacity_bps: ArrayLike,
    size_bytes: ArrayLike,
    start_s: ArrayLike | None = None,
    shares: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    caps_bps: ArrayLike | None = None,
    after: tuple[ArrayLike, ArrayLike] | None = None,
    changes: Changes | None = None,
    record: float | None = None,
    symmetry: bool = True,
    certify: bool = False,
) -> FlowResult:
    """Run every flow to its end at max-min fair rates.

    A flow starts at the latest of its own start and the finish of the flows it comes after. One without bytes ends
    as it starts. Events less than 1e-12 of their time apart are one instant; each flow keeps its own finish.

    Args:
        indptr, links, shares, weights: as in `max_min_rates`.
        capacity_bps: per link.
        size_bytes: per flow; fractions of a byte are meant.
        start_s: per flow, earliest start; 0 if None.
        caps_bps: per flow, inf for none; a flow with bytes and an empty path needs one.
        after: CSR `(indptr, flows)`: for each flow those that must end before it starts.
        changes: timed capacities and routes.
        record: keep the load of links over time at this resolution in s, as `result.record`.
        symmetry: solve flows that fare alike once, where there are many (see `symmetry`); the answer is the same to
            1e-12.
        certify: prove every allocation by the bottleneck condition, and at the end that bytes were conserved.

    Raises:
        FlowError: the input cannot be run; carries every fault.
        InternalError: `certify` found the run wrong.
    """
    check_resolution(record)
    size = check_sizes(size_bytes, indptr)
    problem = check_problem(indptr, links, capacity_bps, shares, weights, caps_bps, sends=size > 0)
    schedule = check_schedule(size, start_s, after)
    rows = rows_of(problem, changes)
    plan = plan_of(rows, schedule)
    alike = find_symmetry(plan) if symmetry and plan.is_fixed else None
    run = _run(plan, certify, record) if alike is None else _run(alike.quotient, certify, record).expanded(alike)
    _refuse_endless(np.flatnonzero(run.finish_s == np.inf))
    sent = _bytes_sent(rows.problem, run.done_work)
    if certify:
        widest = np.maximum(problem.capacity.max(initial=0.0), rows.shifts.capacity_bps.max(initial=0.0))
        blur = 10 * SAME_INSTANT * run.finish_s.max(initial=0.0) * widest / BITS_PER_BYTE
        certify_conservation(sent, run.carried_bits[: len(sent)] / BITS_PER_BYTE, blur)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(size > 0, size * BITS_PER_BYTE / (run.finish_s - run.start_s), np.inf)
    links = (
        None
        if record is None
        else LinkRecord(record, run.bin_bits[: len(sent)] / BITS_PER_BYTE, run.busy_s[: len(sent)])
    )
    return FlowResult(run.start_s, run.finish_s, rate, sent, links)


@dataclass(frozen=True)
class _Run:
    """What the event loop finds: per flow its times, per row the work done, per link its load if metered."""

    start_s: Floats
    finish_s: Floats
    done_work: Floats
    carried_bits: Floats
    busy_s: Floats
    bin_bits: Floats

    def expanded(self, alike: Symmetry) -> _Run:
        """The run of all flows and links, of that of their classes."""
        flows, links = alike.flow_class, alike.link_class if len(self.carried_bits) else slice(None)
        of_links = self.carried_bits[links], self.busy_s[links], self.bin_bits[links]
        return _Run(self.start_s[flows], self.finish_s[flows], self.done_work[flows], *of_links)


def _run(plan: Plan, certify: bool, record: float | None) -> _Run:
    """Run the event loop, prove its allocations if `certify`, and keep a `record` at that resolution."""
    metered = certify or record is not None
    plan = with_caps_as_links(plan)
    if plan.is_fixed and not metered:
        plan = without_slack_hops(plan)
    paths, capacity = plan.paths, plan.capacity.copy()
    n_rows, n_links = len(plan.work), len(capacity)
    fluid, timeline, order = new_fluid(plan, metered), new_timeline(plan), new_order(plan.schedule)
    fill = new_filling(n_rows, n_links, len(paths.links), len(paths.demand) == 0)
    recorder, audit = Recorder(n_links if metered else 0, record), new_audit(n_rows, n_links, certify)
    while run_flows(fluid, paths, capacity, order, plan.shifts, timeline, fill, recorder.log, audit, TOLERANCE):
        recorder.read_log()
    recorder.read_log()
    refuse_unfair(*audit.unfair)
    done = timeline.joined_work - timeline.left_work
    return _Run(timeline.start_s, timeline.finish_s, done, recorder.carried_bits, recorder.busy_s, recorder.bin_bits)


def _refuse_endless(flows: NDArray[np.intp]) -> None:
    if len(flows):
        cure = "let the link recover, or route the flow anew"
        message = "never ends, as a link on its path, or on that of a flow it waits for, stays at capacity 0"
        raise FlowError(Fault(f"flow {f}: {message}", cure) for f in flows)


def _bytes_sent(problem: Problem, done_work: Floats) -> Floats:
    """Bytes per link, of the work (bits / weight) that each row did."""
    bits = done_work if problem.weights is None else done_work * problem.weights
    per_hop = np.repeat(bits / BITS_PER_BYTE, np.diff(problem.indptr))
    if problem.shares is not None:
        per_hop = per_hop * problem.shares
    return np.bincount(problem.links, weights=per_hop, minlength=len(problem.capacity)).astype(np.float64)
