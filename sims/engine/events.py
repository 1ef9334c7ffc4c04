"""Flows in time: each runs at its max-min rate, and rates change when a flow arrives or ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...fabric.errors import Fault, FlowError
from ._event_kernels import SAME_INSTANT
from ._layout_kernels import add_over_hops
from .certificate import certify_conservation
from .changes import Changes, rows_of
from .plan import BITS_PER_BYTE, Plan, plan_of
from .record import check_resolution, refuse_too_fine
from .result import FlowResult
from .run import Run, run_plan
from .symmetry import find_symmetry
from .validate import Floats, Problem, check_flows


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
    problem, schedule = check_flows(indptr, links, capacity_bps, size_bytes, start_s, shares, weights, caps_bps, after)
    rows = rows_of(problem, changes)
    plan = plan_of(rows, schedule)
    alike = find_symmetry(plan) if symmetry and plan.is_fixed else None
    if alike is None:
        run = run_plan(plan, certify, record)
    else:
        run = run_plan(alike.quotient, certify, record).expanded(alike)
    _refuse_endless(np.flatnonzero(run.finish_s == np.inf))
    refuse_too_fine(record, run.finish_s.max(initial=0.0))
    sent_bytes = _bytes_sent(rows.problem, run.done_work)
    if certify:
        certify_conservation(sent_bytes, run.record.carried_bytes[: len(sent_bytes)], _blur_bytes(plan, run))
    bits = schedule.size_bytes * BITS_PER_BYTE
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(bits > 0, bits / (run.finish_s - run.start_s), np.inf)
    kept = None if record is None else run.record.of_links(slice(len(sent_bytes)))
    return FlowResult(run.start_s, run.finish_s, rate, sent_bytes, run.effort, kept)


def _blur_bytes(plan: Plan, run: Run) -> float:
    """What a link may carry in the instants that count as one."""
    widest = max(plan.capacity.max(initial=0.0), plan.shifts.capacity_bps.max(initial=0.0))
    return float(10 * SAME_INSTANT * run.finish_s.max(initial=0.0) * widest / BITS_PER_BYTE)


def _refuse_endless(flows: NDArray[np.intp]) -> None:
    if len(flows):
        cure = "let the link recover, or route the flow anew"
        message = "never ends, as a link on its path, or on that of a flow it waits for, stays at capacity 0"
        raise FlowError(Fault(f"flow {f}: {message}", cure) for f in flows)


def _bytes_sent(problem: Problem, done_work: Floats) -> Floats:
    """Bytes per link, of the work (bits / weight) that each row did."""
    row_bytes = done_work / BITS_PER_BYTE
    if problem.weights is not None:
        row_bytes = row_bytes * problem.weights
    link_bytes: Floats = np.zeros(len(problem.capacity))
    shares = np.empty(0) if problem.shares is None else problem.shares
    add_over_hops(problem.indptr, problem.links, shares, row_bytes, link_bytes)
    return link_bytes
