"""Balancing traffic over alternative ways."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel

SWEEPS = 40
HALVINGS = 8
SETTLED = 1e-3


@kernel
def marginal_cost(load):
    """Derivative of u + u^32 / 32 at a link's load u over its capacity: a hop over an idle link costs 1, over a full
    one 2, and beyond that the fullest links alone count."""
    two = load * load
    four = two * two
    eight = four * four
    return 1.0 + eight * eight * eight * four * two * load


@kernel
def balance(way_ptr, entry_ptr, links, shares, demand, per_capacity, loads, costs, fraction):
    """Move each pair's traffic from its costliest used way to its cheapest, pair after pair, until nothing moves.

    Pair i has ways way_ptr[i]..way_ptr[i+1], way w the entries entry_ptr[w]..entry_ptr[w+1] of `links`, `shares`;
    `demand` is bit/s per pair, `per_capacity` s/bit per link. `loads` (zeros) and `costs` (ones) per link are
    workspace; `fraction` per way goes in as the start and comes out as the result, summing to 1 per pair.
    """
    for pair in range(len(demand)):
        for way in range(way_ptr[pair], way_ptr[pair + 1]):
            if fraction[way] > 0:
                _shift(entry_ptr, links, shares, per_capacity, loads, costs, way, demand[pair] * fraction[way])
    for _ in range(SWEEPS):
        moved = 0.0
        for pair in range(len(demand)):
            best = worst = way_ptr[pair]
            least, most = np.inf, 0.0
            for way in range(way_ptr[pair], way_ptr[pair + 1]):
                cost = _cost(entry_ptr, links, shares, costs, way)
                if cost < least:
                    least, best = cost, way
                if fraction[way] > 0 and cost > most:
                    most, worst = cost, way
            if most > least * (1 + SETTLED):
                moved += _move(
                    entry_ptr, links, shares, demand[pair], per_capacity, loads, costs, fraction, worst, best
                )
        if moved <= SETTLED * len(demand):
            break


@kernel
def _cost(entry_ptr, links, shares, costs, way):
    total = 0.0
    for entry in range(entry_ptr[way], entry_ptr[way + 1]):
        total += shares[entry] * costs[links[entry]]
    return total


@kernel
def _shift(entry_ptr, links, shares, per_capacity, loads, costs, way, rate_bps):
    """Add traffic to a way."""
    for entry in range(entry_ptr[way], entry_ptr[way + 1]):
        link = links[entry]
        loads[link] = max(loads[link] + rate_bps * shares[entry] * per_capacity[link], 0.0)
        costs[link] = marginal_cost(loads[link])


@kernel
def _move(entry_ptr, links, shares, demand, per_capacity, loads, costs, fraction, worst, best):
    """Move as much from `worst` to `best` as leaves neither cheaper, found by halving; returns the fraction moved."""
    moved, step = 0.0, fraction[worst]
    for _ in range(HALVINGS):
        _shift(entry_ptr, links, shares, per_capacity, loads, costs, worst, -step * demand)
        _shift(entry_ptr, links, shares, per_capacity, loads, costs, best, step * demand)
        moved += step
        now_best = _cost(entry_ptr, links, shares, costs, best)
        now_worst = _cost(entry_ptr, links, shares, costs, worst)
        if now_best <= now_worst:
            if moved >= fraction[worst]:
                break
            step = abs(step) / 2
        else:
            step = -abs(step) / 2
        if moved + step > fraction[worst]:
            step = fraction[worst] - moved
    fraction[worst] -= moved
    fraction[best] += moved
    return moved
