"""A look at the levels between events, to prove them fair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._certificate_kernels import link_loads, unfair_flow
from ._kernel import part

AUDITED_FLOWS = 64
"""Flows looked at per event, on average: then looking costs about as much as the event."""


class Audit(NamedTuple):
    """Workspace of `audit_levels` and what it found."""

    on: np.ndarray  # bool[1]
    credit: np.ndarray  # int64[1] flows that may be looked at
    unfair: np.ndarray  # int64[2] the first flow and link to break the bottleneck condition, -1 for none
    level: np.ndarray  # float64[n]
    load: np.ndarray  # float64[m]
    highest: np.ndarray  # float64[m]


@part
def audit_levels(state, paths, capacity, active, audit, tolerance):
    """Whether the levels of `active` (int32[k]) meet the bottleneck condition, as often as the credit allows."""
    audit.credit[0] += AUDITED_FLOWS
    if audit.credit[0] < len(active):
        return True
    audit.credit[0] = 0
    for flow in active:
        audit.level[flow] = state.links[state.hop_link[state.tight[flow]]].level
    link_loads(active, audit.level, paths, audit.load, audit.highest)
    flow, link = unfair_flow(active, audit.level, paths, capacity, audit.load, audit.highest, tolerance)
    audit.unfair[0], audit.unfair[1] = flow, link
    return flow < 0
