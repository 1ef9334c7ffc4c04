"""How many switches a rail-optimized cluster takes: pure arithmetic, before anything is wired.

The rule, held against NVIDIA's DGX SuperPOD reference tables (B200, B300, B300 XDR):

- A scalable unit (SU) of nodes has a leaf per rail, or as many as its ports need: d ports down and u = ceil(d/o) up,
  d + u <= R.
- Two tiers while a spine's R ports reach every leaf. Spines: the smallest divisor of u with leaves * u <= spines * R,
  so that every leaf has equally many cables to every spine.
- Else three: groups of at most R/2 leaves of one rail with their own spines (as few as R/2 ports down allow), each
  spine with as many ports up as down; spine j of every group meets the others in the core switches of plane j.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd

from ...fabric.errors import Fault, SpecError
from ..clos_plan import even
from ..wiring import smallest_divisor


@dataclass(frozen=True)
class Demand:
    """What is to be connected: `nodes` with `ports_per_rail` ports on each of `rails`, by switches of `radix` ports.

    `taper` is a leaf's ports down over its ports up: oversubscription times cable speed over port speed. `su` None:
    chosen by `default_su`.
    """

    nodes: int
    rails: int
    ports_per_rail: int
    radix: int
    taper: Fraction
    su: int | None = None


@dataclass(frozen=True)
class Plan:
    """The switches of a cluster. `leaf_ports`: adapter ports of each leaf of one rail, in order; rails are alike."""

    demand: Demand
    su: int
    leaf_ports: tuple[int, ...]
    leaf_up: int = 0
    group_sizes: tuple[int, ...] = ()  # leaves of each group of one rail; three tiers only
    group_spines: int = 0
    spine_up: int = 0
    plane_cores: int = 0

    @property
    def leaves(self) -> int:
        return self.demand.rails * len(self.leaf_ports)

    @property
    def groups(self) -> int:
        return self.demand.rails * len(self.group_sizes)

    @property
    def spines(self) -> int:
        return self.group_spines * max(1, self.groups)

    @property
    def cores(self) -> int:
        return self.group_spines * self.plane_cores

    @property
    def network_cables(self) -> int:
        return (
            self.demand.rails * sum(self.leaf_ports)
            + self.leaves * self.leaf_up
            + self.groups * self.group_spines * self.spine_up
        )


def plan(demand: Demand) -> Plan:
    """The switches for this demand. Raises SpecError, with the nearest sizes that work, beyond three tiers."""
    su = demand.su or default_su(demand)
    if demand.nodes == 1:
        return Plan(demand, su, ())
    leaf_ports = _leaf_ports(demand, su)
    leaves = demand.rails * len(leaf_ports)
    if leaves == 1:
        return Plan(demand, su, leaf_ports)
    up = ceil(max(leaf_ports) / demand.taper)
    if leaves <= demand.radix:
        spines = smallest_divisor(up, ceil(leaves * up / demand.radix))
        return Plan(demand, su, leaf_ports, up, group_spines=spines)
    if leaf_groups(demand, len(leaf_ports)) > demand.radix:
        raise SpecError(_too_large(demand, len(leaf_ports)))
    return _three_tiers(demand, su, leaf_ports, up)


def _three_tiers(demand: Demand, su: int, leaf_ports: tuple[int, ...], up: int) -> Plan:
    sizes = even(len(leaf_ports), leaf_groups(demand, len(leaf_ports)) // demand.rails)
    spines = smallest_divisor(up, ceil(max(sizes) * up / (demand.radix // 2)))
    spine_up = max(sizes) * up // spines
    cores = smallest_divisor(spine_up, ceil(demand.rails * len(sizes) * spine_up / demand.radix))
    return Plan(demand, su, leaf_ports, up, sizes, spines, spine_up, cores)


def default_su(demand: Demand) -> int:
    """Nodes that fill a leaf. A tapered cluster gets several SUs, so that traffic meets the taper: a quarter of the
    nodes, rounded up to whole ports up."""
    full = max(1, most_down(demand) // demand.ports_per_rail)
    if demand.taper <= 1:
        return full
    step = demand.taper.numerator // gcd(demand.taper.numerator, demand.ports_per_rail)
    quarter = step * ceil(ceil(demand.nodes / 4) / step)
    return min(quarter, max(1, full // step * step))


def most_down(demand: Demand) -> int:
    """The most ports down that leave room for the ports up they need: d + ceil(d/taper) <= radix."""
    down = int(demand.radix * demand.taper / (1 + demand.taper))
    return max(1, down)


def leaf_groups(demand: Demand, leaves_per_rail: int) -> int:
    """Groups of leaves when there are three tiers: each of one rail, and of at most radix/2 leaves."""
    return demand.rails * ceil(leaves_per_rail / (demand.radix // 2))


def _leaf_ports(demand: Demand, su: int) -> tuple[int, ...]:
    whole, rest = divmod(demand.nodes, su)
    ports = [n * demand.ports_per_rail for n in [su] * whole + [rest] * bool(rest)]
    return tuple(down for count in ports for down in even(count, ceil(count / most_down(demand))))


def _too_large(demand: Demand, leaves_per_rail: int) -> Fault:
    radix, groups = demand.radix, leaf_groups(demand, leaves_per_rail)
    su = demand.su or default_su(demand)
    per_leaf = Fraction(su, ceil(su * demand.ports_per_rail / most_down(demand)))
    nodes = int(radix // demand.rails * (radix // 2) * per_leaf)
    wider = next(r for r in range(radix + 2, 2 * groups + 2, 2) if _fits(demand, r))
    return Fault(
        f"{demand.nodes} nodes take {leaves_per_rail} leaves on each of {demand.rails} rails, in {groups} groups of at "
        f"most {radix // 2}; core switches of {radix} ports join {radix} groups at most",
        f"nodes={nodes} or radix={wider}" if nodes else f"radix={wider}",
        field="nodes",
    )


def _fits(demand: Demand, radix: int) -> bool:
    wider = Demand(demand.nodes, demand.rails, demand.ports_per_rail, radix, demand.taper, demand.su)
    leaves = len(_leaf_ports(wider, wider.su or default_su(wider)))
    return leaf_groups(wider, leaves) <= radix
