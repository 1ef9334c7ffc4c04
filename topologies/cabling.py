"""What a cable of the network is made of: for a speed and a length, the first medium that reaches.

Copper to its reach, then active copper, active optical cable, multimode and single mode with a transceiver at each end.
A transceiver has the speed of the cage it sits in; in a cage of several ports it serves several cables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..fabric.catalogue import catalogue

FIBRE = "fibre_MPO_per_m"
_DIRECT = ("dac-passive", "dac-active", "aoc")
_OPTICS = ("SR", "DR", "FR", "ZR")


@dataclass(frozen=True)
class Ends:
    """A cable's speed and that of the cage at its lower and its upper end, Gbit/s."""

    gbit: float
    cages: tuple[float, float]

    @property
    def shared(self) -> tuple[int, int]:
        """Cables that a transceiver serves at each end."""
        lower, upper = (max(1, int(cage // self.gbit)) for cage in self.cages)
        return lower, upper


@dataclass(frozen=True)
class Make:
    """A way to make a cable that goes `reach_m` far: `cable` is a direct-attach cable, or the fibre between two
    `transceivers`, of the lower and the upper end."""

    medium: str
    cable: str
    reach_m: float
    transceivers: tuple[str, str] | None = None


@cache
def makes(ends: Ends) -> tuple[Make, ...]:
    """The ways to make such a cable that each reach farther than those before."""
    found: list[Make] = []
    for make in (*_direct(ends), *_optical(ends)):
        if not found or make.reach_m > found[-1].reach_m:
            found.append(make)
    return tuple(found)


def _direct(ends: Ends) -> list[Make]:
    made = []
    for medium in _DIRECT:
        fast = _slowest(medium, None, ends.gbit)
        if fast is not None:
            made.append(Make(medium, fast, _reach_m(fast)))
    return made


def _optical(ends: Ends) -> list[Make]:
    made = []
    for optic in _OPTICS:
        medium = "mmf" if optic == "SR" else "smf"
        lower, upper = (_slowest(medium, optic, cage) for cage in ends.cages)
        if lower is not None and upper is not None:
            made.append(Make(medium, FIBRE, min(_reach_m(lower), _reach_m(upper)), (lower, upper)))
    return made


def _slowest(medium: str, optic: str | None, gbit: float) -> str | None:
    """The slowest of a medium that is fast enough."""
    fast = {
        name: record.gbit.value
        for name, record in catalogue().cables.items()
        if record.medium == medium and record.optic == optic and record.gbit is not None and record.gbit.value >= gbit
    }
    return min(fast, key=lambda name: fast[name], default=None)


def _reach_m(name: str) -> float:
    reach = catalogue().cables[name].reach_m
    assert reach is not None, f"{name} has a medium but no reach"
    return reach.value


def cage_gbit(device: str | None, gbit: float) -> float:
    """Speed of a cage of this switch, Gbit/s; of a device without a record, that of the cable."""
    switch = catalogue().switches.get(device or "")
    if switch is None:
        return gbit
    cages = switch.osfp_cages.value if switch.osfp_cages else switch.ports.value
    return max(gbit, switch.port_gbit.value * switch.ports.value / cages)
