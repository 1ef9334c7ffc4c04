"""Where every machine stands: racks in rows on a hall's floor, chosen so that cables stay short. Deterministic.

Machines that carry work fill racks in their order, a new rack with every pod, and with every switch of their own. A
switch whose machines all stand in one rack goes on top of that rack while there is room. The other switches fill
network racks tier by tier, and each network rack takes the place of the middle of what is plugged into it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..fabric.check import Finding
from ..fabric.graph import Fabric, LinkKind
from ..fabric.metrics.tiers import levels
from .hall import Hall
from .machines import Machines, machines

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placement:
    """Racks in the order of the rows. `rack` int64[nodes] (-1: inside another machine) and `height_m` float64[nodes],
    the middle of its machine; `position_m` float64[racks, 2]; `power_w`, the most that its machines draw, `limit_w` and
    `units` by rack."""

    machines: Machines
    rack: Integers
    height_m: Floats
    position_m: Floats
    power_w: Floats
    limit_w: Floats
    units: Integers
    row_length: int

    @property
    def racks(self) -> int:
        return len(self.power_w)

    def name(self, rack: int) -> str:
        """`"r02-17"`: row and place in it, from 1."""
        row, place = divmod(int(rack), self.row_length)
        return f"r{row + 1:02}-{place + 1:02}"

    def on(self, fabric: Fabric) -> Fabric:
        """The fabric with its node column `rack`."""
        return replace(fabric, columns={**fabric.columns, "rack": self.rack.astype(np.int32)})


def place(fabric: Fabric, hall: Hall) -> Placement:
    """Every machine of a fabric in a rack of a hall."""
    own = machines(fabric)
    rack, ends = _end_racks(fabric, own, hall), ~own.is_switch()
    ports = _ports(fabric, own)
    _top_of_rack(own, ports, rack, hall)
    key = _middles(fabric, own, rack)
    middle = _network_racks(fabric, own, rack, key, hall, int(rack[ends].max(initial=-1)) + 1)
    rack = _in_floor_order(rack, middle)
    return _placed(own, rack, hall)


def overloaded(placement: Placement, hall: Hall) -> tuple[Finding, ...]:
    """Racks over their power or their units."""
    found = []
    for rack in np.flatnonzero(placement.power_w > placement.limit_w * (1 + 1e-9)).tolist():
        drawn, limit = placement.power_w[rack] / 1e3, placement.limit_w[rack] / 1e3
        found.append(Finding("rack power", placement.name(rack), f"{drawn:.4g} kW in a rack of {limit:.4g} kW"))
    for rack in np.flatnonzero(placement.units > hall.rack_units).tolist():
        message = f"{placement.units[rack]} units in a rack of {hall.rack_units}"
        found.append(Finding("rack units", placement.name(rack), message))
    return tuple(found)


def _end_racks(fabric: Fabric, own: Machines, hall: Hall) -> Integers:
    """Racks of the machines that are no switches, [machines]; -1 for switches."""
    ends = np.flatnonzero(~own.is_switch())
    rack = np.full(len(own), -1, dtype=np.int64)
    if not len(ends):
        return rack
    pod, home = fabric.column("pod")[own.node], _homes(fabric, own)
    order = ends[np.lexsort((ends, home[ends], own.model[ends], pod[ends]))]
    _, family = np.unique(np.column_stack((pod[order], own.model[order])), axis=0, return_inverse=True)
    together = _homes_per_rack(own, order, family.ravel(), home[order], hall)
    place = np.cumsum(np.r_[False, home[order][1:] != home[order][:-1]])
    place -= np.minimum.reduceat(place, np.searchsorted(family.ravel(), np.arange(family.max() + 1)))[family.ravel()]
    group = np.column_stack((family.ravel(), np.where(together, place // np.maximum(together, 1), home[order])))
    capacity = np.array([hall.per_rack(model) for model in own.models])[own.model[order]]
    rack[order] = _filled(group, np.where(together, len(own), capacity))
    return rack


def _homes_per_rack(own: Machines, order: Integers, family: Integers, home: Integers, hall: Hall) -> Integers:
    """How many switches share a rack with all their machines, by machine in `order`; 0 where not even one fits, or
    where machines are plugged into several."""
    homes, row, size = np.unique(home, return_inverse=True, return_counts=True)
    room = np.full(len(order), len(own), dtype=np.int64)
    limit_w = np.array([hall.limit_w(model) for model in own.models])[own.model]
    for demand, limit in ((own.units(), np.full(len(own), hall.rack_units)), (own.power_w(), limit_w)):
        need = size[row] * demand[order] + demand[homes][row]
        room = np.minimum(room, np.floor_divide(limit[order], np.maximum(need, 1e-9)).astype(np.int64))
    room[home < 0] = 0
    least = np.full(int(family.max()) + 1, len(own), dtype=np.int64)
    np.minimum.at(least, family, room)
    return least[family]


def _filled(group: npt.NDArray[np.integer], capacity: Integers) -> Integers:
    """Rack numbers from 0 for machines in order: a new rack with every new `group` (rows) and when one is full."""
    if not len(group):
        return np.empty(0, dtype=np.int64)
    first = np.r_[True, (group[1:] != group[:-1]).any(axis=1)]
    start = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
    return np.cumsum((np.arange(len(group)) - start) % capacity == 0) - 1


def _ports(fabric: Fabric, own: Machines) -> tuple[Integers, Integers]:
    """The machines at both ends of every cable of the network, lower tier first where there are tiers."""
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)[::2]
    ends = own.of_node[fabric.link_source[network]], own.of_node[fabric.link_target[network]]
    both = (ends[0] >= 0) & (ends[1] >= 0)
    return ends[0][both].astype(np.int64), ends[1][both].astype(np.int64)


def _homes(fabric: Fabric, own: Machines) -> Integers:
    """The one switch that a machine is plugged into; -1 where there are several, or none."""
    lowest, highest = np.full(len(own), len(own), dtype=np.int64), np.full(len(own), -1, dtype=np.int64)
    for one, other in _both_ways(_ports(fabric, own)):
        up = own.is_switch()[other]
        np.minimum.at(lowest, one[up], other[up])
        np.maximum.at(highest, one[up], other[up])
    return np.where(lowest == highest, lowest, -1)


def _both_ways(ports: tuple[Integers, Integers]) -> tuple[tuple[Integers, Integers], tuple[Integers, Integers]]:
    return ports, ports[::-1]


def _top_of_rack(own: Machines, ports: tuple[Integers, Integers], rack: Integers, hall: Hall) -> None:
    """Put switches into the rack that all their machines stand in, where all such switches of the rack fit."""
    switch = own.is_switch()
    first, last = np.full(len(own), np.iinfo(np.int64).max), np.full(len(own), -1, dtype=np.int64)
    for one, other in _both_ways(ports):
        hung = switch[one] & ~switch[other]
        np.minimum.at(first, one[hung], rack[other[hung]])
        np.maximum.at(last, one[hung], rack[other[hung]])
    top = np.flatnonzero(switch & (first == last))
    limit_w = np.array([hall.limit_w(model) for model in own.models])[own.model]
    racks = int(rack.max(initial=-1)) + 1
    for demand, limit in ((own.units(), np.full(len(own), hall.rack_units)), (own.power_w(), limit_w)):
        placed = np.flatnonzero(rack >= 0)
        used = np.bincount(rack[placed], weights=demand[placed], minlength=racks)
        used += np.bincount(first[top], weights=demand[top], minlength=racks)
        room = np.zeros(racks)
        np.maximum.at(room, rack[placed], limit[placed])
        top = top[used[first[top]] <= room[first[top]]]
    rack[top] = first[top]


def _middles(fabric: Fabric, own: Machines, rack: Integers) -> Floats:
    """A place in the order of the racks for every machine: its rack, or for a switch the middle of what it is cabled
    to, tier by tier."""
    key = np.where(rack >= 0, rack, np.nan).astype(np.float64)
    one, other = (np.concatenate(ends) for ends in zip(*_both_ways(_ports(fabric, own)), strict=True))
    while np.isnan(key).any():
        known = np.isnan(key[one]) & ~np.isnan(key[other])
        total = np.bincount(one[known], weights=key[other[known]], minlength=len(own))
        cables = np.bincount(one[known], minlength=len(own))
        if not cables.any():
            return np.nan_to_num(key)
        key[cables > 0] = total[cables > 0] / cables[cables > 0]
    return key


def _network_racks(fabric: Fabric, own: Machines, rack: Integers, key: Floats, hall: Hall, first: int) -> Floats:
    """Fill racks from `first` on with the switches that have none yet; returns the place of every rack in the order."""
    left = np.flatnonzero(rack < 0)
    tier = levels(fabric)[own.node]
    order = left[np.lexsort((left, key[left], own.model[left], tier[left]))]
    group = np.column_stack((tier[order], own.model[order])).astype(np.int64)
    filled = _filled(group, np.array([hall.per_rack(model) for model in own.models])[own.model[order]])
    rack[order] = first + filled
    racks = int(filled.max(initial=-1)) + 1
    middle = np.bincount(filled, weights=key[order], minlength=racks) / np.maximum(
        np.bincount(filled, minlength=racks), 1
    )
    return np.concatenate((np.arange(first, dtype=np.float64), middle))


def _in_floor_order(rack: Integers, middle: Floats) -> Integers:
    """Racks renumbered by their `middle`, as they stand."""
    number = np.empty(len(middle), dtype=np.int64)
    number[np.argsort(middle, kind="stable")] = np.arange(len(middle))
    return number[rack] if len(rack) else rack


def _placed(own: Machines, rack: Integers, hall: Hall) -> Placement:
    racks, units = int(rack.max(initial=-1)) + 1, own.units()
    order = np.lexsort((np.arange(len(own)), own.is_switch(), rack))
    below = np.cumsum(units[order]) - units[order]
    start = np.searchsorted(rack[order], np.arange(racks))
    base = below - below[start][rack[order]] if racks else below
    height = np.empty(len(own))
    height[order] = (base + units[order] / 2) * hall.rack_unit_m
    limit = np.zeros(racks)
    np.maximum.at(limit, rack, np.array([hall.limit_w(model) for model in own.models])[own.model])
    inside = own.of_node >= 0
    return Placement(
        machines=own,
        rack=np.where(inside, rack[own.of_node], -1),
        height_m=np.where(inside, height[own.of_node], 0.0),
        position_m=hall.positions_m(racks),
        power_w=np.bincount(rack, weights=own.power_w(), minlength=racks).astype(np.float64),
        limit_w=limit,
        units=np.bincount(rack, weights=units, minlength=racks).astype(np.int64),
        row_length=hall.row_length(racks),
    )
