"""Every cable of a fabric's network: between which racks, how long, of what.

Length: inside a rack, the height between two machines and some slack; else up to the tray, along it with right angles,
and down again. Lengths are those that are sold. A cable between sites is as long as its spec says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.check import Finding
from ..fabric.graph import SWITCH_KINDS, Fabric, LinkKind
from ..fabric.metrics.tiers import levels
from ..fabric.units import length_m
from .assembly import propagation_ns
from .cabling import Ends, Make, cage_gbit, makes
from .hall import Hall
from .machines import Machines
from .racks import Placement

_SOLD_M = np.array(
    (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100), dtype=float
)
"""Stock lengths (copper: NVIDIA MCP7Y00 ordering information; longer ones from general knowledge)."""
_LONG_STEP_M = 25.0

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cables:
    """Cables in the order in which they are laid: by rack, machine and port of their lower end.

    `link` int64[n]: the directed link from the lower to the upper end. `length_m` float64[n]. `make` int64[n]: index
    into `makes`, -1 where nothing reaches. `ends` int64[n]: index into `kinds_of_ends`.
    """

    link: Integers
    length_m: Floats
    make: Integers
    makes: tuple[Make, ...]
    ends: Integers
    kinds_of_ends: tuple[Ends, ...]

    def __len__(self) -> int:
        return len(self.link)


def cables(fabric: Fabric, placement: Placement, hall: Hall) -> Cables:
    """The cables of the network, made and measured."""
    link = _in_laying_order(fabric, placement, _upward(fabric, placement.machines))
    length = sold_length_m(_run_m(fabric, placement, hall, link))
    kinds, ends = _kinds_of_ends(fabric, link)
    every = tuple(dict.fromkeys(make for kind in kinds for make in makes(kind)))
    make = np.full(len(link), -1, dtype=np.int64)
    for number, kind in enumerate(kinds):
        options = makes(kind)
        index = np.array([every.index(option) for option in options] + [-1])
        own = ends == number
        reach = np.array([option.reach_m for option in options])
        make[own] = index[np.searchsorted(reach, length[own] - 1e-9)]
    return Cables(link, length, make, every, ends, kinds)


def unreachable(fabric: Fabric, laid: Cables) -> tuple[Finding, ...]:
    """Cables that are longer than anything reaches."""
    return tuple(
        Finding(
            "reach", fabric.link_label(int(laid.link[cable])), f"{laid.length_m[cable]:g} m; no cable reaches as far"
        )
        for cable in np.flatnonzero(laid.make < 0).tolist()
    )


def sold_length_m(run_m: Floats) -> Floats:
    """The shortest length on sale that covers each run."""
    place = np.searchsorted(_SOLD_M, run_m - 1e-9)
    beyond = np.ceil((run_m - 1e-9) / _LONG_STEP_M) * _LONG_STEP_M
    return np.where(place < len(_SOLD_M), _SOLD_M[np.minimum(place, len(_SOLD_M) - 1)], beyond)


def _upward(fabric: Fabric, machines: Machines) -> Integers:
    """Of each network cable the link that leaves its lower end: a host before a switch, a leaf before a spine. What
    stays inside a machine, as to a switch's reduction unit or a chip's router, is no cable."""
    level, kind = levels(fabric), fabric.node_kind
    forth = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)[::2]
    source, target = fabric.link_source[forth], fabric.link_target[forth]
    near, far = machines.of_node[source], machines.of_node[target]
    outside = (near >= 0) & (far >= 0) & (near != far)
    forth, source, target = forth[outside], source[outside], target[outside]
    switch = np.isin(kind, SWITCH_KINDS)
    rank = level + np.where(switch, 0, -1)
    return np.where(rank[source] > rank[target], forth ^ 1, forth).astype(np.int64)


def _in_laying_order(fabric: Fabric, placement: Placement, link: Integers) -> Integers:
    source = fabric.link_source[link]
    return link[np.lexsort((fabric.port[link], source, placement.rack[source]))]


def _run_m(fabric: Fabric, placement: Placement, hall: Hall, link: Integers) -> Floats:
    """How far a cable runs, before it is rounded up to what is sold."""
    source, target = fabric.link_source[link], fabric.link_target[link]
    low, high = placement.height_m[source], placement.height_m[target]
    one, other = placement.rack[source], placement.rack[target]
    floor = np.abs(placement.position_m[one] - placement.position_m[other]).sum(axis=1)
    between = 2 * hall.tray_m - low - high + floor + hall.slack_between_racks_m
    inside = np.abs(low - high) + hall.slack_in_rack_m
    run = np.where(one == other, inside, np.maximum(between, inside))
    far = fabric.meta.get("parameters", {}).get("long_haul")
    if far is None:
        return run
    distance = length_m(far["length"])
    return np.where(fabric.latency_ns[link] >= propagation_ns(distance), distance, run)


def _kinds_of_ends(fabric: Fabric, link: Integers) -> tuple[tuple[Ends, ...], Integers]:
    """The distinct speeds of cables and cages, and which of them each cable has."""
    device, names = fabric.column("device").astype(np.int64), fabric.meta.get("devices", [])
    source, target = fabric.link_source[link], fabric.link_target[link]
    rate = np.maximum(fabric.capacity_bps[link], fabric.capacity_bps[link ^ 1])
    table = np.column_stack((rate, device[source], device[target]))
    kinds, ends = np.unique(table, axis=0, return_inverse=True)

    def name(number: float) -> str | None:
        return names[int(number)] if number >= 0 else None

    shapes = []
    for bps, lower, upper in kinds.tolist():
        gbit = bps / 1e9
        shapes.append(Ends(gbit, (cage_gbit(name(lower), gbit), cage_gbit(name(upper), gbit))))
    return tuple(shapes), ends.ravel().astype(np.int64)
