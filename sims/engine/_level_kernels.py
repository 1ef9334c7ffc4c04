"""Levels of links after a change, by a fixpoint that touches only what changes.

With c_i the least level of flow i elsewhere on its path and d_i its demand, the level s of a link of capacity C is

    inf                                 if sum d_i c_i <= C
    the root of sum d_i min(s, c_i) = C otherwise.

Levels that satisfy this on every link are the max-min fair ones, since each flow then has a full link on which no level
is higher. A link is *dirty* while its equation may not hold. Dirty links are balanced by rising level, as in
water-filling, where what happens at a level cannot disturb a lower one.
"""

from __future__ import annotations

import numpy as np

from ._fluid_kernels import DIRTY, READ, UNPLACED, asks, move, set_clock, touch
from ._heap_kernels import sift_down, sift_up
from ._kernel import inlined
from ._meter_kernels import meter

ROUNDING = 1e-13
"""Relative error allowed to a sum of loads: a link this close to full is as good as not full."""

NEAR_FULL = 1e-9
"""A link whose kept load is this close to its capacity is summed afresh."""

SAME_LEVEL = 1e-14
"""Relative change of a level that is rounding."""


@inlined
def mark(state, number):
    """Make link `number` dirty."""
    link = state.links[number]
    if not link.dirty:
        link.dirty = 1
        at = state.size[DIRTY]
        state.dirty_level[at], state.dirty_link[at] = link.level, number
        state.size[DIRTY] += 1
        sift_up(state.dirty_level, state.dirty_link, at)


@inlined
def spread(state, flow, skip, old, new, now):
    """Tell the links of `flow` but that of hop `skip` that its level goes from `old` to `new`."""
    links, least = state.links, min(old, new)
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        if k == skip:
            continue
        number = state.hop_link[k]
        link = links[number]
        if link.level < np.inf:
            if link.level > least:
                mark(state, number)
            continue
        meter(state, number, now)
        link.load += asks(state.demand, k) * (new - (0.0 if old == np.inf else old))
        if (new > old or old == np.inf) and link.load > link.capacity * (1.0 - NEAR_FULL):
            mark(state, number)


@inlined
def fixpoint(state, now, budget):
    """Balance dirty links until none is left. Returns whether that took at most `budget` slots and hops."""
    while state.size[DIRTY] > 0:
        number = state.dirty_link[0]
        state.size[DIRTY] -= 1
        size = state.size[DIRTY]
        state.dirty_level[0], state.dirty_link[0] = state.dirty_level[size], state.dirty_link[size]
        sift_down(state.dirty_level, state.dirty_link, size, 0)
        link = state.links[number]
        link.dirty = 0
        if link.flows == 0:
            link.level, link.load = np.inf, 0.0
            continue
        budget -= link.flows
        state.size[READ] += link.flows
        _set_level(state, number, _balance(state, link), now)
        if budget < 0:
            return False
    return True


@inlined
def _balance(state, link):
    """Root of the link's equation. Where it lies above the old level, levels elsewhere of own flows are in `cap`."""
    own, flows = link.own, link.flows
    total, open_demand, at_old, others = 0.0, 0.0, 0.0, flows - own
    for i in range(others):
        slot = state.slots[link.first + own + i]
        level, demand = state.links[slot.bottleneck].level, asks(state.demand, slot.hop)
        state.cap[i], state.cap_demand[i] = level, demand
        total += demand * level
        at_old += demand * min(level, link.level)
        open_demand += demand
    if own == 0:
        if total <= link.capacity * (1.0 + ROUNDING):
            link.load = total
            return np.inf
        return _root(state, link.capacity, 0.0, others, link.capacity / open_demand)
    own_demand = float(own)
    if len(state.demand):
        own_demand = 0.0
        for i in range(own):
            own_demand += state.demand[state.slots[link.first + i].hop]
    at_old += own_demand * link.level
    if abs(link.capacity - at_old) <= SAME_LEVEL * own_demand * link.level:
        return link.level
    if at_old > link.capacity:
        return _root(state, link.capacity, own_demand, others, link.capacity / (own_demand + open_demand))
    if link.coupled == 0:
        return _root(state, link.capacity, own_demand, others, link.level)
    for i in range(own):
        hop = state.slots[link.first + i].hop
        level, at = _least_elsewhere(state, hop)
        demand = asks(state.demand, hop)
        state.cap[others + i], state.cap_demand[others + i], state.cap_hop[i] = level, demand, at
        total += demand * level
    if total <= link.capacity * (1.0 + ROUNDING):
        link.load = total
        return np.inf
    return _root(state, link.capacity, 0.0, flows, link.level)


@inlined
def _least_elsewhere(state, hop):
    """Least level on the other links of the hop's flow, and the hop that has it."""
    flow = state.hop_flow[hop]
    least, at = np.inf, UNPLACED
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        if k != hop and state.links[state.hop_link[k]].level < least:
            least, at = state.links[state.hop_link[k]].level, k
    return least, at


@inlined
def _root(state, capacity, own_demand, n, level):
    """Root of own_demand * x + sum of cap_demand * min(x, cap) over the first `n` = capacity, from a `level` below it.

    Newton's method: the sum is concave and piecewise linear, so it climbs to the root in finitely many steps.
    """
    while True:
        below, demand = 0.0, own_demand
        for i in range(n):
            if state.cap[i] < level:
                below += state.cap_demand[i] * state.cap[i]
            else:
                demand += state.cap_demand[i]
        higher = (capacity - below) / demand
        if higher <= level * (1.0 + SAME_LEVEL):
            return higher
        level = higher


@inlined
def _set_level(state, number, new, now):
    """Give link `number` its level as `_balance` found it, move flows in and out, and mark what this unbalances."""
    link = state.links[number]
    old, own, others = link.level, link.own, link.flows - link.own
    if new != old:
        touch(state, number)
        if max(old, new) == np.inf:
            meter(state, number, now)
        if old == np.inf:
            link.clock, link.clock_s = 0.0, now
        else:
            set_clock(link, now)
    leaving = 0
    if link.coupled == 0:
        own = 0
    if new > old:
        for i in range(own):
            hop = state.slots[link.first + i].hop
            spread(state, state.hop_flow[hop], hop, old, min(new, state.cap[others + i]), now)
            if state.cap[others + i] < new:
                state.cap_hop[leaving] = state.cap_hop[i]
                leaving += 1
    elif new < old:
        for i in range(own):
            hop = state.slots[link.first + i].hop
            spread(state, state.hop_flow[hop], hop, old, new, now)
    for i in range(leaving):
        hop = state.cap_hop[i]
        move(state, state.hop_flow[hop], hop, now)
    link.level = new
    if new == np.inf:
        return
    for i in range(link.first + link.own, link.first + link.flows):
        slot = state.slots[i]
        level = state.links[slot.bottleneck].level
        if level > new:
            hop = slot.hop
            flow = state.hop_flow[hop]
            spread(state, flow, hop, level, new, now)
            move(state, flow, hop, now)
