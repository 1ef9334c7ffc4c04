"""Slow obvious twins of the engine, in exact rational arithmetic, straight from the definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

Numbers = Sequence[Fraction]


def water_fill(
    paths: Sequence[dict[int, Fraction]],
    capacity: Numbers,
    weights: Numbers,
    caps: Sequence[Fraction | None],
) -> list[Fraction]:
    """Max-min rates: raise the level of all flows until a link fills or a cap is met, freeze, repeat.

    A path maps each link to the fraction of the flow that crosses it.
    """
    rate: dict[int, Fraction] = {}
    open_flows = set(range(len(paths)))
    while open_flows:
        levels = [caps[f] / weights[f] for f in open_flows if caps[f] is not None]
        saturation = {}
        for link in {link for f in open_flows for link in paths[f]}:
            taken = sum(paths[f][link] * r for f, r in rate.items() if link in paths[f])
            demand = sum(paths[f][link] * weights[f] for f in open_flows if link in paths[f])
            saturation[link] = (capacity[link] - taken) / demand
        level = min(levels + list(saturation.values()))
        stopped = {
            f
            for f in open_flows
            if (caps[f] is not None and caps[f] / weights[f] == level)
            or any(saturation[link] == level for link in paths[f])
        }
        rate |= {f: level * weights[f] for f in stopped}
        open_flows -= stopped
    return [rate[f] for f in range(len(paths))]


def run(
    paths: Sequence[dict[int, Fraction]],
    capacity: Numbers,
    size_bits: Numbers,
    start: Numbers,
    weights: Numbers,
    caps: Sequence[Fraction | None],
    after: Sequence[Sequence[int]],
    changes: Sequence[tuple[Fraction, str, int, object]] = (),
) -> tuple[list[Fraction], list[Fraction]]:
    """Start and finish of each flow: solve, advance to the next event, repeat.

    A change is (time, "capacity", link, value) or (time, "route", flow, path).
    """
    paths, capacity, changes = list(paths), list(capacity), list(changes)
    n = len(paths)
    begin: list[Fraction | None] = [None] * n
    end: list[Fraction | None] = [None] * n
    left = list(size_bits)
    now = Fraction(0)
    while None in end:
        for _, kind, item, value in [change for change in changes if change[0] <= now]:
            (capacity if kind == "capacity" else paths)[item] = value
        changes = [change for change in changes if change[0] > now]
        moved = True
        while moved:
            moved = False
            for f in range(n):
                if begin[f] is None and start[f] <= now and all(end[g] is not None for g in after[f]):
                    begin[f], moved = now, True
                if begin[f] is not None and end[f] is None and left[f] == 0:
                    end[f], moved = now, True
        active = [f for f in range(n) if begin[f] is not None and end[f] is None]
        rates = water_fill(
            [paths[f] for f in active], capacity, [weights[f] for f in active], [caps[f] for f in active]
        )
        events = [now + left[f] / r for f, r in zip(active, rates, strict=True) if r > 0]
        events += [change[0] for change in changes]
        events += [start[f] for f in range(n) if begin[f] is None and start[f] > now]
        then, now = now, min(events, default=now)
        for f, r in zip(active, rates, strict=True):
            left[f] -= r * (now - then)
    return begin, end


@pytest.fixture(scope="session")
def exact_rates() -> Callable[..., list[Fraction]]:
    return water_fill


@pytest.fixture(scope="session")
def exact_run() -> Callable[..., tuple[list[Fraction], list[Fraction]]]:
    return run


@pytest.fixture(scope="session")
def simgrid() -> Callable[[str], dict[str, np.ndarray]]:
    """Reads a case of tests/data/simgrid; capacities are in bytes/s there."""
    folder = Path(__file__).parents[2] / "data" / "simgrid"

    def read(case: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{case}.npz") as file:
            return dict(file)

    return read
