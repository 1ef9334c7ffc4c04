"""Flows in time: each runs at its max-min rate, and rates change when a flow arrives or ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ._event_kernels import SAME_INSTANT, run_flows
from ._max_min_kernels import new_filling
from ._proof_kernels import Audit
from ._timeline_kernels import ABSENT, Timeline
from .certificate import TOLERANCE, certify_conservation, refuse_unfair
from .changes import Changes, Rows, rows_of
from .fluid import new_audit, new_fluid, new_order, new_timeline, with_caps_as_links, without_slack_hops, work_of_rows
from .record import Recorder
from .result import FlowResult
from .validate import Floats, Problem, Schedule, check_problem, check_schedule, check_sizes

_BITS_PER_BYTE = 8


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
        certify: prove every allocation by the bottleneck condition, and at the end that bytes were conserved.

    Raises:
        FlowError: the input cannot be run; carries every fault.
        InternalError: `certify` found the run wrong.
    """
    size = check_sizes(size_bytes, indptr)
    problem = check_problem(indptr, links, capacity_bps, shares, weights, caps_bps, sends=size > 0)
    schedule = check_schedule(size, start_s, after)
    rows = rows_of(problem, changes)
    timeline, audit, carried_bits = _run(rows, schedule, certify)
    finish = timeline.finish_s
    _refuse_endless(np.flatnonzero(timeline.place[timeline.row] != ABSENT))
    sent = _bytes_sent(rows.problem, timeline)
    if certify:
        refuse_unfair(*audit.unfair)
        widest = np.maximum(problem.capacity.max(initial=0.0), rows.shifts.capacity_bps.max(initial=0.0))
        blur = 10 * SAME_INSTANT * finish.max(initial=0.0) * widest / _BITS_PER_BYTE
        certify_conservation(sent, carried_bits[: len(sent)] / _BITS_PER_BYTE, blur)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(size > 0, size * _BITS_PER_BYTE / (finish - timeline.start_s), np.inf)
    return FlowResult(timeline.start_s, finish, rate, sent)


def _run(rows: Rows, schedule: Schedule, certify: bool) -> tuple[Timeline, Audit, Floats]:
    """Run the event loop. Returns what it found, and the bits that links carried if `certify`."""
    paths, capacity = with_caps_as_links(rows.problem)
    if not certify and rows.problem.n_flows == len(schedule.start_s) and len(rows.shifts.capacity_s) == 0:
        paths = without_slack_hops(paths, capacity)
    work = work_of_rows(rows, schedule)
    n_rows, n_links = len(work), len(capacity)
    fluid = new_fluid(paths, capacity, work, metered=certify)
    timeline, order = new_timeline(schedule, rows, work, n_links), new_order(schedule)
    fill = new_filling(n_rows, n_links, len(paths.links), len(paths.demand) == 0)
    recorder, audit = Recorder(n_links if certify else 0), new_audit(n_rows, n_links, certify)
    while run_flows(fluid, paths, capacity, order, rows.shifts, timeline, fill, recorder.log, audit, TOLERANCE):
        recorder.read_log()
    recorder.read_log()
    return timeline, audit, recorder.carried_bits


def _refuse_endless(flows: NDArray[np.intp]) -> None:
    if len(flows):
        cure = "let the link recover, or route the flow anew"
        raise FlowError(Fault(f"flow {f}: never ends, as a link on its path stays at capacity 0", cure) for f in flows)


def _bytes_sent(problem: Problem, timeline: Timeline) -> Floats:
    """Bytes per link, of what each row did."""
    bits = timeline.joined_work - timeline.left_work
    if problem.weights is not None:
        bits = bits * problem.weights
    per_hop = np.repeat(bits / _BITS_PER_BYTE, np.diff(problem.indptr))
    if problem.shares is not None:
        per_hop = per_hop * problem.shares
    return np.bincount(problem.links, weights=per_hop, minlength=len(problem.capacity)).astype(np.float64)
