"""A run in the kernels' terms: what simulate_flows was given, without weights, caps or changes as such."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._layout_kernels import fold_private, mark_limiting, number_as_met
from ._max_min_kernels import Paths
from ._timeline_kernels import Shifts
from .changes import Rows
from .validate import Floats, Schedule

BITS_PER_BYTE = 8


@dataclass(frozen=True)
class Plan:
    """Rows of flows with their paths in levels (rate / weight), their work (bits / weight), and the flows' schedule."""

    paths: Paths
    capacity: Floats
    work: Floats
    flow: NDArray[np.int32]
    schedule: Schedule
    shifts: Shifts

    @property
    def is_fixed(self) -> bool:
        """Whether neither capacities nor routes change."""
        return len(self.shifts.capacity_s) == len(self.shifts.route_s) == 0


def plan_of(rows: Rows, schedule: Schedule) -> Plan:
    """The plan of checked input. A row of a later route has no work until its flow takes it."""
    work = np.zeros(len(rows.flow))
    work[: len(schedule.size_bytes)] = schedule.size_bytes * BITS_PER_BYTE
    if rows.problem.weights is not None:
        work = work / rows.problem.weights
    return Plan(rows.problem.paths(), rows.problem.capacity, work, rows.flow, schedule, rows.shifts)


def with_caps_as_links(plan: Plan) -> Plan:
    """The plan in which each capped row crosses one link more, of its own, that is as wide as its cap.

    To the event loop a cap is a link like any other.
    """
    paths, capacity = plan.paths, plan.capacity
    capped = np.flatnonzero(np.isfinite(paths.limit))
    if len(capped) == 0:
        return plan
    ends = paths.indptr[1:][capped]
    own_links = np.arange(len(capacity), len(capacity) + len(capped), dtype=np.int32)
    longer = np.zeros(len(paths.indptr), np.int64)
    longer[1:][capped] = 1
    extended = Paths(
        paths.indptr + np.cumsum(longer),
        np.insert(paths.links, ends, own_links),
        np.insert(paths.demand, ends, 1.0) if len(paths.demand) else paths.demand,
        np.full(len(paths.limit), np.inf),
    )
    return replace(plan, paths=extended, capacity=np.concatenate((capacity, paths.limit[capped])))


def without_slack_hops(plan: Plan) -> Plan:
    """The plan without hops over links that a single row uses and that are no narrower than others on its path."""
    paths = plan.paths
    rows_of_link = np.bincount(paths.links, minlength=len(plan.capacity))
    if not (rows_of_link == 1).any():
        return plan
    kept = np.empty(len(paths.links), np.bool_)
    mark_limiting(paths, plan.capacity, rows_of_link, kept)
    return _with_hops(plan, kept)[0]


def with_private_links_folded(plan: Plan) -> tuple[Plan, NDArray[np.int32]]:
    """The plan with one hop for all links that a single row uses equally, and for each link one that carries as much
    in this plan."""
    paths = plan.paths
    meter_of_link = np.arange(len(plan.capacity), dtype=np.int32)
    rows_of_link = np.bincount(paths.links, minlength=len(plan.capacity))
    if not (rows_of_link == 1).any():
        return plan, meter_of_link
    kept = np.empty(len(paths.links), np.bool_)
    fold_private(paths, plan.capacity, rows_of_link, kept, meter_of_link)
    folded, number = _with_hops(plan, kept)
    return folded, number[meter_of_link]


def _with_hops(plan: Plan, kept: NDArray[np.bool_]) -> tuple[Plan, NDArray[np.int32]]:
    """The plan with these hops only, its links numbered as they are met, and the new number of each link: those
    without a hop share the last one. What lies together is then used together."""
    paths = plan.paths
    before = np.concatenate(([0], np.cumsum(kept)))
    demand = paths.demand[kept] if len(paths.demand) else paths.demand
    links, number = paths.links[kept], np.empty(len(plan.capacity), np.int32)
    met = np.empty(min(len(links), len(number)), np.int32)
    met = met[: number_as_met(links, number, met)]
    fewer = Paths(before[paths.indptr], links, demand, paths.limit)
    return replace(plan, paths=fewer, capacity=np.append(plan.capacity[met], np.inf)), number
