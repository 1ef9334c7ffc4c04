"""Flows that cannot but fare alike, solved once.

Flows and links are sorted into the coarsest classes such that all links of a class carry equally much of each class of
flows, and all flows of a class cross the same classes of links, have the same size, start, weight and cap, and wait for
the same classes: an equitable partition, found by colour refinement with hashes for colours (the problem: Paige and
Tarjan, SIAM J. Comput. 16(6), 1987). Levels that are fair for one flow and one link of each class are fair for all, and
fair levels are unique, so the run of the classes is the run of the flows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._max_min_kernels import Paths
from ._symmetry_kernels import (
    EMPTY,
    blend,
    draw_quotient,
    number_colours,
    order_by_class,
    refine,
    waits_alike,
)
from .plan import Plan
from .validate import Schedule

FEWEST_MEMBERS = 4
"""Mean members per class of flows below which a quotient is not worth its making."""

SAME_DEMAND = 1e-13
"""Relative difference between sums of equal demands in another order."""

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Symmetry:
    """The plan of one flow per class, and the class of each flow and link of the whole."""

    quotient: Plan
    flow_class: Ids
    link_class: Ids


@dataclass(frozen=True)
class Partition:
    """The class of each item, and the first item of each class; classes are numbered by these."""

    number: Ids
    first: Ids

    def ordered(self) -> Ids:
        """Items by class, those of a class in order."""
        sizes = np.bincount(self.number, minlength=len(self.first))
        order = np.empty(len(self.number), np.int32)
        order_by_class(self.number, np.cumsum(sizes) - sizes, order)
        return order


def find_symmetry(plan: Plan) -> Symmetry | None:
    """The quotient of a fixed plan by its coarsest equitable partition; None if that would save little."""
    partitions = _refined(plan)
    if partitions is None:
        return None
    return equitable(plan, *partitions)


def _refined(plan: Plan) -> tuple[Partition, Partition] | None:
    """Classes of flows and of links once no round splits them further; None when the flows' become too many."""
    paths, schedule, n_flows = plan.paths, plan.schedule, len(plan.work)
    demand_bits = paths.demand.view(np.int64)
    flow_colour, link_colour = np.zeros(n_flows, np.int64), np.zeros(len(plan.capacity), np.int64)
    for values in (plan.work, schedule.start_s, paths.limit):
        blend(flow_colour, values.view(np.int64))
    blend(link_colour, plan.capacity.view(np.int64))
    flow_sum, link_sum = np.empty_like(flow_colour), np.empty_like(link_colour)
    flows = _numbered(flow_colour)
    while len(flows.first) * FEWEST_MEMBERS <= n_flows:
        rows = paths.indptr, paths.links, demand_bits, schedule.next_indptr, schedule.next_flows
        refine(*rows, flow_colour, link_colour, flow_sum, link_sum)
        classes, flows = len(flows.first), _numbered(flow_colour)
        if len(flows.first) == classes:
            # Links were split by these same classes of flows, so they are settled too.
            return flows, _numbered(link_colour)
    return None


def _numbered(colour: NDArray[np.int64]) -> Partition:
    number, first = np.empty(len(colour), np.int32), np.empty(len(colour), np.int32)
    table = np.empty(1 << (2 * len(colour)).bit_length(), np.int32)
    return Partition(number, first[: number_colours(colour, table, number, first)])


def equitable(plan: Plan, flows: Partition, links: Partition) -> Symmetry | None:
    """The quotient by these classes; None if they are not equitable: hashes may collide, and nothing may rest on it."""
    paths, schedule, n_classes = plan.paths, plan.schedule, len(flows.first)
    by_class = flows.ordered()
    hops = int(np.diff(paths.indptr)[flows.first].sum())
    rows = np.empty(n_classes + 1, np.int64), np.empty(hops, np.int32), np.empty(hops)
    members = np.bincount(links.number, minlength=len(links.first)).astype(np.int32)
    scratch = (
        np.zeros(len(plan.capacity)),
        np.empty(len(plan.capacity), np.int32),
        np.full(len(members), EMPTY, np.int32),
        np.zeros(len(members), np.int32),
    )
    hops = draw_quotient(paths, by_class, flows.number, links.number, members, rows, scratch, SAME_DEMAND)
    if hops < 0 or not _wait_alike(schedule, by_class, flows):
        return None
    after_indptr, after_flows = _rows_of(schedule.after_indptr, schedule.after_flows, flows.first)
    quotient = replace(
        plan,
        paths=Paths(rows[0], rows[1][:hops], rows[2][:hops], paths.limit[flows.first]),
        capacity=plan.capacity[links.first],
        work=plan.work[flows.first],
        flow=np.arange(n_classes, dtype=np.int32),
        schedule=Schedule.of(
            schedule.size_bytes[flows.first], schedule.start_s[flows.first], after_indptr, flows.number[after_flows]
        ),
    )
    return Symmetry(quotient, flows.number, links.number)


def _wait_alike(schedule: Schedule, by_class: Ids, flows: Partition) -> bool:
    """Whether flows of a class wait for the same classes."""
    if len(schedule.after_flows) == 0:
        return True
    marks = np.empty(len(flows.first), np.int32), np.empty(len(flows.first), np.int32)
    return bool(waits_alike(schedule.after_indptr, schedule.after_flows, by_class, flows.number, *marks))


def _rows_of(indptr: NDArray[np.int64], items: Ids, rows: Ids) -> tuple[NDArray[np.int64], Ids]:
    """CSR of some rows only."""
    lengths = np.diff(indptr)[rows]
    begins = np.concatenate(([0], np.cumsum(lengths)))
    return begins, items[np.repeat(indptr[rows] - begins[:-1], lengths) + np.arange(begins[-1])]
