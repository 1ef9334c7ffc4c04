"""Proof of a result by what defines it, not by how it was found.

Rates: the bottleneck condition (Bertsekas and Gallager, Data Networks, section 6.5). Runs: conservation of bytes.
"""

from __future__ import annotations

import numpy as np

from ...fabric.errors import InternalError
from ._certificate_kernels import link_loads, unfair_flow
from .validate import Floats, Problem

TOLERANCE = 1e-9
"""Relative slack of every comparison: sums of up to 1e6 rounded terms stay below it."""


def certify_rates(problem: Problem, rates: Floats) -> None:
    """Prove that `rates` are the max-min fair ones.

    Raises:
        InternalError: a link carries more than its capacity, a flow exceeds its cap, or a flow could have more: it is
            below its cap and no full link on its path has it among its largest rate / weight.
    """
    paths = problem.paths()
    levels = rates if problem.weights is None else rates / problem.weights
    flows = np.arange(problem.n_flows, dtype=np.int32)
    load, highest = np.empty(len(problem.capacity)), np.empty(len(problem.capacity))
    link_loads(flows, levels, paths, load, highest)
    refuse_unfair(*unfair_flow(flows, levels, paths, problem.capacity, load, highest, TOLERANCE))


def refuse_unfair(flow: int, link: int) -> None:
    """Raise the InternalError that a pair from `unfair_flow` calls for, if any."""
    if link >= 0:
        raise InternalError(f"max-min rates load link {link} beyond its capacity")
    if flow >= 0:
        raise InternalError(f"max-min rates leave flow {flow} above its cap or without a bottleneck")


def certify_conservation(sent_bytes: Floats, carried_bytes: Floats, blur_bytes: float) -> None:
    """Prove that each link carried what its flows sent over it, both float64 per link.

    `blur_bytes` may be counted on the wrong side of an event, as events of one instant are taken together.

    Raises:
        InternalError: it did not.
    """
    wrong = np.flatnonzero(~np.isclose(carried_bytes, sent_bytes, rtol=TOLERANCE, atol=blur_bytes))
    if len(wrong):
        link = wrong[0]
        raise InternalError(f"link {link} carried {carried_bytes[link]} bytes of {sent_bytes[link]} sent over it")
