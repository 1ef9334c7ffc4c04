"""Completions: when the next flow of each link ends, and which flows end at an instant."""

from __future__ import annotations

import numpy as np

from ._fluid_kernels import DUE, TOUCHED
from ._kernel import inlined, part


@part
def ends_at(link, key):
    """When the clock of `link` (a LINK record) reaches `key` at its present level."""
    if link.level == 0.0:
        return np.inf
    return link.clock_s + max(0.0, (key - link.clock) / link.level)


@inlined
def refresh_due(state):
    """Bring the heap of next completions up to date with the touched links."""
    for i in range(state.size[TOUCHED]):
        number = state.touched[i]
        link = state.links[number]
        link.touched = 0
        time = ends_at(link, state.slots[link.first].key) if link.own > 0 else np.inf
        size = state.size[DUE]
        if time < np.inf:
            at = link.due_at
            if at < 0:
                at = size
                state.size[DUE] += 1
            _settle(state, at, time, number)
        elif link.due_at >= 0:
            at = link.due_at
            link.due_at = -1
            state.size[DUE] -= 1
            if at < size - 1:
                _settle(state, at, state.due_s[size - 1], state.due_link[size - 1])
    state.size[TOUCHED] = 0


@inlined
def _settle(state, at, time, number):
    """Put (time, number) into the heap of completions, whose place `at` is free."""
    due_s, due_link, links, size = state.due_s, state.due_link, state.links, state.size[DUE]
    while at > 0 and due_s[(at - 1) // 2] > time:
        parent = (at - 1) // 2
        due_s[at], due_link[at] = due_s[parent], due_link[parent]
        links[due_link[at]].due_at = at
        at = parent
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and due_s[child + 1] < due_s[child]:
            child += 1
        if due_s[child] >= time:
            break
        due_s[at], due_link[at] = due_s[child], due_link[child]
        links[due_link[at]].due_at = at
        at = child
    due_s[at], due_link[at] = time, number
    links[number].due_at = at


@inlined
def collect_ending(state, instant, time):
    """Rows that end by `instant`, into `time.ending`, and the finish of their flows. Returns how many.

    Both kinds of heaps are read from the top downwards, as far as keys allow.
    """
    queue, n_ending, head, tail = time.queue, 0, 0, 0
    if state.size[DUE] > 0 and state.due_s[0] <= instant:
        queue[0] = 0
        tail = 1
    while head < tail:
        at = queue[head]
        head += 1
        for child in range(2 * at + 1, min(2 * at + 3, state.size[DUE])):
            if state.due_s[child] <= instant:
                queue[tail] = child
                tail += 1
        n_ending = _collect_own(state, state.links[state.due_link[at]], instant, time, n_ending)
    return n_ending


@inlined
def _collect_own(state, link, instant, time, n_ending):
    queue = state.cap_hop
    queue[0] = 0
    head, tail = 0, 1
    while head < tail:
        at = queue[head]
        head += 1
        slot = state.slots[link.first + at]
        row = state.hop_flow[slot.hop]
        time.ending[n_ending] = row
        time.finish_s[time.flow[row]] = ends_at(link, slot.key)
        n_ending += 1
        for child in range(2 * at + 1, min(2 * at + 3, link.own)):
            if ends_at(link, state.slots[link.first + child].key) <= instant:
                queue[tail] = child
                tail += 1
    return n_ending
