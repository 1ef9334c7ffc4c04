"""When each rank is there: some are late."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...fabric.errors import Fault, SpecError, UnitError, UnknownNameError
from ...fabric.graph import Fabric
from ...fabric.names import ranks_by_name
from ...fabric.units import duration_s
from ..csv_table import read_csv, whole_number
from .groups import FILE, Floats, read_ranks, read_starts

_DRAWN: Mapping[str, Callable[[np.random.Generator, float, int], Floats]] = {
    "uniform": lambda rng, most_s, count: rng.uniform(0, most_s, count),
    "exponential": lambda rng, mean_s, count: rng.exponential(mean_s, count),
}
LATE = "late:"


def late_s(fabric: Fabric, said: str, seed: int) -> Floats:
    """By how much each rank of the fabric is late.

    `said`: `uniform:20us`, drawn between 0 and that; `exponential:5us`, drawn with that mean; `late:3=20us,7=1ms`, by
    rank; `file:PATH`, a CSV of `rank,start_s`. Ranks that are not named are in time.

    Raises UnknownNameError, SpecError, UnitError, ParseError listing every fault.
    """
    kind, _, rest = said.partition(":")
    if kind in _DRAWN:
        return _DRAWN[kind](np.random.default_rng(seed), duration_s(rest), fabric.ranks)
    if said.startswith(LATE):
        return _listed(fabric, rest)
    if said.startswith(FILE):
        table = read_csv(rest, ("rank", "start_s"))
        late = np.zeros(fabric.ranks)
        late[read_ranks(table, ranks_by_name(fabric), fabric)] = read_starts(table)
        return late
    raise UnknownNameError.of("kind of starts", kind, (*_DRAWN, "late", "file"))


def _listed(fabric: Fabric, said: str) -> Floats:
    late, faults = np.zeros(fabric.ranks), []
    for word in said.split(","):
        rank, _, time = word.partition("=")
        number = whole_number(rank.strip())
        if number is None or number >= fabric.ranks:
            cure = f"write 3=20us with a rank of 0..{fabric.ranks - 1}"
            faults.append(Fault(f"{word!r} names no rank", cure, field="starts"))
            continue
        try:
            late[number] = duration_s(time)
        except UnitError as error:
            faults += [Fault(fault.message, fault.cure, field="starts") for fault in error.faults]
    if faults:
        raise SpecError(faults)
    return late
