"""Cables between the tiers of a tree: down cables before up cables, parallel cables spread evenly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.builder import FabricBuilder
from ..fabric.errors import Fault, SpecError
from ..fabric.graph import Ids

_MOST_CABLES = 2**26
"""67 million: a fabric of 4.5 GB, several times the largest cluster anyone has announced."""


@dataclass(frozen=True)
class Wire:
    """A network cable: rate per direction, its latency, and that of a switch, charged on the links that leave it."""

    bps: float
    hop_ns: int
    switch_ns: int


def hang(
    builder: FabricBuilder,
    ports: Ids,
    switches: npt.ArrayLike,
    wire: Wire,
    rail: npt.ArrayLike = -1,
    plane: npt.ArrayLike = -1,
    switch_port: npt.ArrayLike = -1,
) -> None:
    """One cable from each endpoint port up to its switch, at `switch_port` (-1: the next free one)."""
    builder.add_cables(
        ports,
        switches,
        wire.bps,
        wire.hop_ns,
        target_port=switch_port,
        rail=rail,
        plane=plane,
        back_latency_ns=wire.hop_ns + wire.switch_ns,
    )


def join(
    builder: FabricBuilder,
    lower: Ids,
    up: int,
    upper_start: npt.ArrayLike,
    uppers: int,
    wire: Wire,
    rail: npt.ArrayLike = -1,
    plane: npt.ArrayLike = -1,
) -> None:
    """`up` cables from each lower switch: cable c of `lower[i]` goes to node `upper_start[i] + c mod uppers`.

    `uppers` divides `up`, so every pair of a lower and an upper switch has `up / uppers` parallel cables.
    """
    fan = np.arange(up, dtype=np.int32) % uppers
    start = np.broadcast_to(np.asarray(upper_start, dtype=np.int32), lower.shape)
    builder.add_cables(
        np.repeat(lower, up),
        (start[:, None] + fan).ravel(),
        wire.bps,
        wire.hop_ns + wire.switch_ns,
        rail=np.repeat(np.broadcast_to(np.asarray(rail), lower.shape), up),
        plane=plane,
    )


def connect(
    builder: FabricBuilder, one: Ids, other: Ids, wire: Wire, ports: tuple[npt.ArrayLike, npt.ArrayLike] = (-1, -1)
) -> None:
    """One cable between each two switches, at the given ports (-1: the next free ones)."""
    near, far = ports
    builder.add_cables(one, other, wire.bps, wire.hop_ns + wire.switch_ns, source_port=near, target_port=far)


def smallest_divisor(number: int, at_least: int) -> int:
    """The smallest divisor of `number` that is `at_least` that large; `at_least <= number`."""
    return next(d for d in range(max(1, at_least), number + 1) if number % d == 0)


def refuse_too_large(cables: int, field: str) -> None:
    """Raise SpecError before memory runs out."""
    if cables > _MOST_CABLES:
        raise SpecError(
            Fault(f"makes {cables:,} cables; {_MOST_CABLES:,} is the most", "choose a smaller size", field=field)
        )
