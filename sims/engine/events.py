"""Flows in time: each runs at its max-min rate, and rates change when a flow arrives or ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._event_kernels import SAME_INSTANT, run_flows
from ._max_min_kernels import new_filling
from .certificate import TOLERANCE, certify_conservation, refuse_unfair
from .fluid import new_audit, new_fluid, new_order, new_timeline, with_caps_as_links
from .record import Recorder
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
    paths, capacity = with_caps_as_links(problem)
    fluid = new_fluid(paths, capacity, bits / (1.0 if problem.weights is None else problem.weights), metered=certify)
    fill = new_filling(len(size), len(capacity), len(paths.links), len(paths.demand) == 0)
    timeline, order = new_timeline(schedule, len(capacity)), new_order(schedule)
    recorder, audit = Recorder(len(capacity) if certify else 0), new_audit(len(size), len(capacity), certify)
    while run_flows(fluid, paths, capacity, order, timeline, fill, recorder.log, audit, TOLERANCE):
        recorder.read_log()
    recorder.read_log()
    start, finish = timeline.start_s, timeline.finish_s
    sent = _bytes_sent(problem, size)
    if certify:
        refuse_unfair(*audit.unfair)
        blur = SAME_INSTANT * finish.max(initial=0.0) * problem.capacity / _BITS_PER_BYTE
        certify_conservation(sent, recorder.carried_bits[: len(sent)] / _BITS_PER_BYTE, 10 * blur)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(bits > 0, bits / (finish - start), np.inf)
    return FlowResult(start, finish, rate, sent)


def _bytes_sent(problem: Problem, size_bytes: Floats) -> Floats:
    hops = np.diff(problem.indptr)
    per_hop = np.repeat(size_bytes, hops)
    if problem.shares is not None:
        per_hop = per_hop * problem.shares
    return np.bincount(problem.links, weights=per_hop, minlength=len(problem.capacity)).astype(np.float64)
