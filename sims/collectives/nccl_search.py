"""The channels that NCCL's search of the topology would find: how many, and at what rate inside a domain and between
domains (src/graph/search.cc, in outline).

The search goes down a ladder of rates and keeps the one at which channels times rate is most; every channel takes its
rate of each rank's NVLinks and of one adapter. One domain's channels may be doubled at half the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import nccl_tables as tables
from .machine import Machine

Ladder = tuple[float, ...]

_NO_SLOWER_THAN = 0.49
"""A rate below this share of the best one is not tried."""


@dataclass(frozen=True)
class Channels:
    """`count` channels of `inside_gbps` in a domain and `between_gbps` between domains; GB/s."""

    count: int
    inside_gbps: float
    between_gbps: float


def channels(machine: Machine, domains: int) -> Mapping[str, Channels]:
    """By algorithm, in one domain or where a network joins several."""
    return _alone(machine) if domains == 1 else _joined(machine)


def _alone(machine: Machine) -> Mapping[str, Channels]:
    ladder = tables.LADDER_INSIDE_GBPS[machine.generation]
    ring = _doubled(machine.generation, _most(ladder, lambda rate: int(_inside_gbps(machine) / rate)))
    return {"ring": ring, "tree": ring, "pat": ring, "nvls": _nvls(machine, ladder)}


def _joined(machine: Machine) -> Mapping[str, Channels]:
    ladder = tables.LADDER_BETWEEN_GBPS[machine.generation]

    def fitting(rate: float) -> int:
        adapters = machine.nics * int(machine.nic_gbps / rate)
        return min(adapters, int(_inside_gbps(machine) / rate)) if machine.local > 1 else adapters

    ring = _doubled(machine.generation, _most(ladder, fitting))
    tree = _faster_inside(machine, ladder, ring)
    return {"ring": ring, "tree": tree, "pat": tree, "nvls-tree": _nvls(machine, ladder)}


def _inside_gbps(machine: Machine) -> float:
    """What a rank's NVLinks carry, in the search's eyes."""
    return machine.scaleup_gbps * tables.NVLINK_GBPS_OF_LINE[machine.generation]


def _most(ladder: Ladder, fitting: Callable[[float], int]) -> Channels:
    best = Channels(1, ladder[-1], ladder[-1])
    found = 0.0
    for rate in ladder:
        if found and rate < _NO_SLOWER_THAN * best.inside_gbps:
            break
        count = min(fitting(rate), tables.MAX_CHANNELS)
        if count * rate > found:
            best, found = Channels(count, rate, rate), count * rate
    return best


def _faster_inside(machine: Machine, ladder: Ladder, found: Channels) -> Channels:
    """Trees may run up to twice as fast inside a domain as between."""
    inside = found.inside_gbps
    for rate in reversed(ladder):
        room = found.count * rate <= _inside_gbps(machine)
        if inside < rate and inside < 2 * found.between_gbps and room:
            inside = rate
    return Channels(found.count, inside, found.between_gbps)


def _nvls(machine: Machine, ladder: Ladder) -> Channels:
    """One channel per rank, up to 32."""
    heads = min(machine.local, tables.MAX_CHANNELS)
    inside = _fastest(ladder, _inside_gbps(machine) / heads)
    return Channels(heads, inside, _fastest(ladder, machine.nic_gbps * machine.nics / heads))


def _fastest(ladder: Ladder, limit_gbps: float) -> float:
    return max((rate for rate in ladder if rate <= limit_gbps), default=ladder[-1])


def _doubled(generation: str, found: Channels) -> Channels:
    newer = generation != "ampere"
    if found.inside_gbps < 25 or (newer and found.inside_gbps < 50 and found.count > 4):
        return found
    count = min(2 * found.count, tables.MAX_CHANNELS)
    times = -(-count // found.count)
    return Channels(count, found.inside_gbps / times, found.between_gbps / times)
