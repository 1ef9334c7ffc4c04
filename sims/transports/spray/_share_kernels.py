"""Max-min fair rates below each flow's own limit, by levels that the links announce.

Every class that can limit announces a level; a flow sends at the least of its own limit and the levels it meets; a
class then sets its level so that the flows it limits take what the others leave. Levels that no longer move are the
max-min fair ones (Charny, Clark, Jain, ICC 1995). From one event to the next few move.
"""

from __future__ import annotations

import numpy as np

from ...engine._kernel import part
from ._state_kernels import ACTIVE

_SAME = 1e-9
_MOST_ROUNDS = 200


@part
def share(sprayed, classes, sharing):
    """Set the rates."""
    for _ in range(_MOST_ROUNDS):
        if not _round(sprayed, classes, sharing):
            return


@part
def _round(sprayed, classes, sharing):
    """One exchange of levels and rates. Returns whether a rate changed."""
    for number in range(len(classes.rate)):
        sharing.taken[number] = sharing.asked[number] = sharing.top[number] = 0.0
    changed = False
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        rate = sharing.most[flow]
        for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
            rate = min(rate, sharing.level[sprayed.bound_classes[at]])
        changed |= abs(rate - sharing.rate[flow]) > _SAME * rate
        sharing.rate[flow] = rate
        for at in range(sprayed.bound_indptr[flow], sprayed.bound_indptr[flow + 1]):
            number = sprayed.bound_classes[at]
            if rate >= sharing.level[number] * (1.0 - _SAME):
                sharing.asked[number] += sprayed.bound_each[at]
            else:
                sharing.taken[number] += sprayed.bound_each[at] * rate
                sharing.top[number] = max(sharing.top[number], rate)
    for number in range(len(classes.rate)):
        if sharing.asked[number] > 0.0:
            sharing.level[number] = max(0.0, classes.room[number] - sharing.taken[number]) / sharing.asked[number]
        elif sharing.taken[number] > classes.room[number] * (1.0 + _SAME):
            sharing.level[number] = sharing.top[number]
            changed = True
        else:
            sharing.level[number] = np.inf
    return changed
