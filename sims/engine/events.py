"""Flows in time: each runs at its max-min rate, and rates change when a flow arrives or ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._event_kernels import SAME_INSTANT, Work, run_flows
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, certify_conservation, refuse_unfair
from .result import FlowResult
from .validate import Floats, Problem, check_problem, check_schedule, check_sizes

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
        certify: prove every allocation by the bottleneck condition, and at the end that bytes were conserved.

    Raises:
        FlowError: the input cannot be run; carries every fault.
        InternalError: `certify` found the run wrong.
    """
    size = check_sizes(size_bytes, indptr)
    problem = check_problem(indptr, links, capacity_bps, shares, weights, caps_bps, sends=size > 0)
    schedule = check_schedule(size, start_s, after)
    bits = size * _BITS_PER_BYTE
    work = Work(
        bits if problem.weights is None else bits / problem.weights,
        schedule.start_s,
        schedule.waits,
        schedule.next_indptr,
        schedule.next_flows,
    )
    paths = problem.paths()
    fill = new_filling(problem.n_flows, len(problem.capacity), len(problem.links), len(paths.demand) == 0)
    start, finish, carried, unfair = run_flows(paths, problem.capacity, work, fill, certify, TOLERANCE)
    sent = _bytes_sent(problem, size)
    if certify:
        refuse_unfair(*unfair)
        blurred = SAME_INSTANT * finish.max(initial=0.0) * problem.capacity / _BITS_PER_BYTE
        certify_conservation(sent, carried / _BITS_PER_BYTE, 10 * blurred)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(bits > 0, bits / (finish - start), np.inf)
    return FlowResult(start, finish, rate, sent)


def _bytes_sent(problem: Problem, size_bytes: Floats) -> Floats:
    hops = np.diff(problem.indptr)
    per_hop = np.repeat(size_bytes, hops)
    if problem.shares is not None:
        per_hop = per_hop * problem.shares
    return np.bincount(problem.links, weights=per_hop, minlength=len(problem.capacity)).astype(np.float64)
