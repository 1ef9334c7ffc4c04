"""Max-min fair rates below each flow's own limit, many bottlenecks at once.

A class of links offers its open flows an equal level of what the others leave. Where it offers each of them the least
that they meet, it is their bottleneck: they are frozen at that level, and the rest share what is left (Bertsekas and
Gallager, Data Networks, section 6.5, in every part of the network by itself). The class of the least level is always
one, so every round freezes a flow; few rounds suffice.
"""

from __future__ import annotations

from ...engine._kernel import part
from ._state_kernels import ACTIVE

_SAME = 1e-9
_OPEN = -1.0


@part
def share(sprayed, classes, sharing):
    """Set the rates."""
    for i in range(sharing.size[ACTIVE]):
        sharing.rate[sharing.active[i]] = _OPEN
    frozen = 0
    while frozen < sharing.size[ACTIVE]:
        _offer(sprayed, classes, sharing)
        _judge(sprayed, sharing)
        frozen += _freeze(sprayed, sharing)


@part
def _offer(sprayed, classes, sharing):
    """The level of every class: what its frozen flows leave, by what a unit of its open ones takes. Acknowledgements
    and credits go first."""
    for number in range(len(classes.rate)):
        sharing.taken[number] = sharing.asked[number] = 0.0
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        rate = sharing.rate[flow]
        for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
            if rate == _OPEN:
                sharing.asked[sprayed.bound_classes[at]] += sprayed.bound_each[at]
            else:
                sharing.taken[sprayed.bound_classes[at]] += sprayed.bound_each[at] * rate
    for number in range(len(classes.rate)):
        if sharing.asked[number] > 0.0:
            room = min(classes.room[number], classes.rate[number] - sharing.control[number])
            sharing.level[number] = max(0.0, room - sharing.taken[number]) / sharing.asked[number]
            sharing.limits[number] = True


@part
def _least(sprayed, sharing, flow):
    """The least that an open flow is offered, its own limit included."""
    least = sharing.most[flow]
    for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
        least = min(least, sharing.level[sprayed.bound_classes[at]])
    return least


@part
def _judge(sprayed, sharing):
    """Which classes limit: those that offer none of their open flows more than it meets elsewhere."""
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        if sharing.rate[flow] != _OPEN:
            continue
        least = _least(sprayed, sharing, flow) * (1.0 + _SAME)
        for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
            if sharing.level[sprayed.bound_classes[at]] > least:
                sharing.limits[sprayed.bound_classes[at]] = False


@part
def _freeze(sprayed, sharing):
    """Freeze the open flows that a class or their own limit holds. Returns how many."""
    frozen = 0
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        if sharing.rate[flow] != _OPEN:
            continue
        least = _least(sprayed, sharing, flow)
        held = least == sharing.most[flow]
        for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
            number = sprayed.bound_classes[at]
            held |= sharing.limits[number] and sharing.level[number] <= least * (1.0 + _SAME)
        if held:
            sharing.rate[flow] = least
            frozen += 1
    return frozen
