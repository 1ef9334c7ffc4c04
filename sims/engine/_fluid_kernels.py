"""The state between events: levels of links, who is limited where, and how much each flow still has to do.

Every active flow has one slot on each link of its path, and one of its links, of least level, is its *bottleneck*.
The slots of a link are contiguous: first those of the flows it limits (its *own*), then the others. Own flows all run
at the level of the link, so one clock per link, the work done at its level so far, serves them all: a flow ends when
the clock reaches the key of its slot, and own slots form a heap by that key. A change of level touches only flows
that it moves to another bottleneck.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._kernel import inlined, part

UNPLACED = -1
"""Bottleneck of a flow that has arrived but not been placed; its level is inf."""

LATE = 4096.0
"""A clock so many times the work of a flow that joins is set back, lest the sum of both lose the work's digits."""

LINK = np.dtype(
    [
        ("capacity", "f8"),
        ("level", "f8"),  # of its own flows; inf while it is not full
        ("load", "f8"),  # kept while it is not full, to within rounding
        ("clock", "f8"),  # work done at its level until ...
        ("clock_s", "f8"),  # ... this time
        ("first", "i4"),  # slots: own in first <= i < first + own, all in first <= i < first + flows
        ("own", "i4"),
        ("flows", "i4"),
        ("coupled", "i4"),  # own flows that cross other links too
        ("due_at", "i4"),  # position in the heap of completions, -1 if absent
        ("dirty", "i2"),
        ("touched", "i2"),
    ],
    align=True,
)

SLOT = np.dtype(
    [
        ("key", "f8"),  # own: the clock at which the flow ends
        ("hop", "i4"),
        ("bottleneck", "i4"),  # link
    ],
    align=True,
)


class Fluid(NamedTuple):
    """State of `n` flows on `m` links, with `nnz` hops in all. Work is bits / weight; levels are rate / weight."""

    indptr: np.ndarray  # int64[n + 1] CSR of paths
    hop_link: np.ndarray  # int32[nnz]
    hop_flow: np.ndarray  # int32[nnz]
    hop_slot: np.ndarray  # int32[nnz] where the hop's slot lies while the flow is active
    demand: np.ndarray  # float64[nnz] share * weight, or float64[0] when every demand is 1
    links: np.ndarray  # LINK[m + 1]; the last stands for UNPLACED
    slots: np.ndarray  # SLOT[nnz]
    tight: np.ndarray  # int32[n] hop at the flow's bottleneck, or UNPLACED
    work: np.ndarray  # float64[n] left when the flow was last unplaced
    due_s: np.ndarray  # float64[m] heap of next completions: time ...
    due_link: np.ndarray  # int32[m] ... and link
    dirty_level: np.ndarray  # float64[m] heap of links to re-balance: level ...
    dirty_link: np.ndarray  # int32[m] ... and link
    touched: np.ndarray  # int32[m] links whose next completion may have changed
    cap: np.ndarray  # float64[most flows on a link] workspace of `balance`: levels elsewhere ...
    cap_demand: np.ndarray  # float64[likewise] ... demands ...
    cap_hop: np.ndarray  # int32[likewise] ... and hops
    meters: np.ndarray  # METER[m] (see `_meter_kernels`), or METER[0] to keep none
    runs: np.ndarray  # RUN[room]
    bin_s: np.ndarray  # float64[2] width of a bin, and its inverse
    size: np.ndarray  # int64[7] of the heaps `due` and `dirty`, of `touched` and `runs`; counts of the whole run


DUE, DIRTY, TOUCHED, RUNS, EVENTS, MOVED, READ = range(7)
"""Indices into `size`. Of a run: instants, flows given another bottleneck, incidences of flows and links read."""


@part
def asks(demand, hop):
    """Share * weight of a hop."""
    return demand[hop] if len(demand) else 1.0


@part
def is_coupled(state, flow):
    """1 if the flow crosses more than one link, else 0."""
    return int(state.indptr[flow + 1] - state.indptr[flow] > 1)


@inlined
def touch(state, link):
    """Note that the next completion on `link` may have changed."""
    if not state.links[link].touched:
        state.links[link].touched = 1
        state.touched[state.size[TOUCHED]] = link
        state.size[TOUCHED] += 1


@part
def set_clock(link, now):
    """Bring the clock of a full link (a LINK record) up to `now`."""
    link.clock += link.level * (now - link.clock_s)
    link.clock_s = now


@part
def reset_clock(link, slots):
    """Count the clock of `link` (a LINK record) from now."""
    for at in range(link.first, link.first + link.own):
        slots[at].key -= link.clock
    link.clock = 0.0


@part
def _swap(slots, hop_slot, a, b):
    key, hop, bottleneck = slots[a].key, slots[a].hop, slots[a].bottleneck
    slots[a].key, slots[a].hop, slots[a].bottleneck = slots[b].key, slots[b].hop, slots[b].bottleneck
    slots[b].key, slots[b].hop, slots[b].bottleneck = key, hop, bottleneck
    hop_slot[slots[a].hop] = a
    hop_slot[slots[b].hop] = b


@part
def sift_own_up(slots, hop_slot, first, at):
    """Restore the heap of own slots that begins at `first` above slot `at`."""
    while at > first:
        parent = first + (at - first - 1) // 2
        if slots[parent].key <= slots[at].key:
            break
        _swap(slots, hop_slot, parent, at)
        at = parent


@part
def sift_own_down(slots, hop_slot, first, own, at):
    """Restore the heap of `own` slots that begins at `first` below slot `at`."""
    while True:
        child = 2 * at - first + 1
        if child >= first + own:
            break
        if child + 1 < first + own and slots[child + 1].key < slots[child].key:
            child += 1
        if slots[at].key <= slots[child].key:
            break
        _swap(slots, hop_slot, child, at)
        at = child


@inlined
def disown(link, slots, hop_slot, at):
    """Turn own slot `at` of `link` (a LINK record) into one of the others. Returns where it then lies."""
    link.own -= 1
    last = link.first + link.own
    if at < last:
        _swap(slots, hop_slot, at, last)
        sift_own_down(slots, hop_slot, link.first, link.own, at)
        sift_own_up(slots, hop_slot, link.first, at)
    return last


@inlined
def adopt(link, slots, hop_slot, at, key):
    """Turn slot `at` of `link` (a LINK record) into an own one that ends when the clock reaches `key`."""
    place = link.first + link.own
    if at != place:
        _swap(slots, hop_slot, at, place)
    link.own += 1
    slots[place].key = key
    sift_own_up(slots, hop_slot, link.first, place)


@inlined
def work_left(state, flow, now):
    """Work that an active flow has left at `now`, on the clock of its bottleneck."""
    tight = state.tight[flow]
    if tight == UNPLACED:
        return state.work[flow]
    link = state.links[state.hop_link[tight]]
    clock = link.clock + link.level * (now - link.clock_s)
    return max(0.0, state.slots[state.hop_slot[tight]].key - clock)


@inlined
def move(state, flow, hop, now):
    """Make the link of `hop`, which is full, the bottleneck of `flow`."""
    links, slots, hop_slot = state.links, state.slots, state.hop_slot
    left, tight, target = work_left(state, flow, now), state.tight[flow], state.hop_link[hop]
    coupled = is_coupled(state, flow)
    if tight != UNPLACED:
        source = state.hop_link[tight]
        touch(state, source)
        links[source].coupled -= coupled
        disown(links[source], slots, hop_slot, hop_slot[tight])
    touch(state, target)
    links[target].coupled += coupled
    set_clock(links[target], now)
    if links[target].clock > LATE * left:
        reset_clock(links[target], slots)
    adopt(links[target], slots, hop_slot, hop_slot[hop], links[target].clock + left)
    state.tight[flow] = hop
    state.size[MOVED] += 1
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        slots[hop_slot[k]].bottleneck = target


@inlined
def insert(state, flow):
    """Give an unplaced flow its slots."""
    nowhere = len(state.links) - 1
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link = state.links[state.hop_link[k]]
        at = link.first + link.flows
        link.flows += 1
        state.slots[at].hop, state.slots[at].bottleneck = k, nowhere
        state.hop_slot[k] = at


@inlined
def remove(state, flow):
    """Take the slots of `flow` away."""
    links, slots, hop_slot = state.links, state.slots, state.hop_slot
    for k in range(state.indptr[flow], state.indptr[flow + 1]):
        link, at = links[state.hop_link[k]], hop_slot[k]
        if k == state.tight[flow]:
            link.coupled -= is_coupled(state, flow)
            at = disown(link, slots, hop_slot, at)
        link.flows -= 1
        last = link.first + link.flows
        if at < last:
            _swap(slots, hop_slot, at, last)
