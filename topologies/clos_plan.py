"""How many switches a folded Clos takes: pure arithmetic, before anything is wired.

Switches of R ports; a tier with oversubscription o has d = floor(R*o / (1 + o)) ports down and ceil(d/o) up. Leaves
are filled one after the other. Two tiers while R ports of a spine reach every leaf; the number of spines is the
smallest divisor of a leaf's ports up with leaves * up <= spines * R, so that every leaf has equally many cables to
every spine. Else three: pods of leaves with their own aggregation switches, aggregation switch j of every pod in
plane j of the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from ..fabric.errors import Fault, SpecError
from .wiring import smallest_divisor

NON_BLOCKING = Fraction(1)


@dataclass(frozen=True)
class TreeShape:
    """The switches of a tree of one to three tiers: `leaf_ports` down of each leaf, `leaf_up` cables up of every
    leaf, `pods` leaves per pod, `pod_tops` switches above each pod, `top_up` cables up of each of those, and as many
    planes of `plane_cores` core switches. Two tiers are one pod without a core."""

    leaf_ports: tuple[int, ...]
    leaf_up: int = 0
    pods: tuple[int, ...] = ()
    pod_tops: int = 0
    top_up: int = 0
    plane_cores: int = 0

    @property
    def leaves(self) -> int:
        return len(self.leaf_ports)

    @property
    def tops(self) -> int:
        """Switches of the second tier."""
        return len(self.pods) * self.pod_tops

    @property
    def cores(self) -> int:
        return self.pod_tops * self.plane_cores

    @property
    def cables(self) -> int:
        return sum(self.leaf_ports) + self.leaves * self.leaf_up + self.tops * self.top_up


@dataclass(frozen=True)
class ClosDemand:
    """`hosts` ports by switches of `radix` ports in `tiers` tiers (None: as few as will do), oversubscribed by
    `tapers` at the leaves and at the tier above them."""

    hosts: int
    radix: int
    tiers: int | None
    tapers: tuple[Fraction, Fraction] = (NON_BLOCKING, NON_BLOCKING)

    @property
    def leaf_down(self) -> int:
        return min(self.hosts, ports_down(self.radix, self.tapers[0]))

    @property
    def leaves(self) -> int:
        return -(-self.hosts // self.leaf_down)

    @property
    def pods(self) -> int:
        fewest = -(-self.leaves // ports_down(self.radix, self.tapers[1]))
        return max(fewest, min(2, self.leaves))


def clos(demand: ClosDemand) -> TreeShape:
    """The switches for this demand. Raises SpecError, with the nearest sizes that work, where the tiers do not
    suffice."""
    if demand.hosts <= demand.radix and demand.tiers is None:
        return TreeShape((demand.hosts,))
    tiers = demand.tiers or (2 if demand.leaves <= demand.radix else 3)
    if (demand.leaves if tiers == 2 else demand.pods) > demand.radix:
        raise SpecError(_too_large(demand, tiers))
    leaf_ports = (demand.leaf_down,) * (demand.leaves - 1)
    leaf_ports += (demand.hosts - sum(leaf_ports),)
    up = ceil(demand.leaf_down / demand.tapers[0])
    if tiers == 2:
        spines = smallest_divisor(up, ceil(demand.leaves * up / demand.radix))
        return TreeShape(leaf_ports, up, (demand.leaves,), spines)
    return _three_tiers(demand, leaf_ports, up)


def _three_tiers(demand: ClosDemand, leaf_ports: tuple[int, ...], up: int) -> TreeShape:
    pods = even(len(leaf_ports), demand.pods)
    tops = smallest_divisor(up, ceil(max(pods) * up / ports_down(demand.radix, demand.tapers[1])))
    top_up = ceil(Fraction(max(pods) * up // tops) / demand.tapers[1])
    cores = smallest_divisor(top_up, ceil(len(pods) * top_up / demand.radix))
    return TreeShape(leaf_ports, up, pods, tops, top_up, cores)


def ports_down(radix: int, taper: Fraction) -> int:
    """The most ports down that leave room for the ports up they need."""
    return int(radix * taper / (1 + taper))


def most_hosts(radix: int, tiers: int, tapers: tuple[Fraction, Fraction] = (NON_BLOCKING, NON_BLOCKING)) -> int:
    """Host ports of the largest tree of 2 or 3 tiers: R^2/2 or R^3/4 without oversubscription, R even."""
    leaves = radix if tiers == 2 else radix * ports_down(radix, tapers[1])
    return leaves * ports_down(radix, tapers[0])


def even(total: int, parts: int) -> tuple[int, ...]:
    """`total` in `parts` parts that differ by one at most, larger ones first."""
    share, extra = divmod(total, parts)
    return (share + 1,) * extra + (share,) * (parts - extra)


def _too_large(demand: ClosDemand, tiers: int) -> Fault:
    radix, most = demand.radix, most_hosts(demand.radix, tiers, demand.tapers)
    wider = next(
        r for r in range(radix + 1, 2 * demand.hosts + 2) if most_hosts(r, tiers, demand.tapers) >= demand.hosts
    )
    below = "leaves" if tiers == 2 else "pods"
    count = demand.leaves if tiers == 2 else demand.pods
    message = f"{demand.hosts} hosts take {count} {below}; a top switch of {radix} ports joins {radix} at most"
    deeper = ", tiers=3" if tiers == 2 else ""
    return Fault(message, f"hosts={most}{deeper} or radix={wider}", field="hosts")
