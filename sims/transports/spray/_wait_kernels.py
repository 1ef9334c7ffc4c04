"""What packets wait for one another where paths are drawn packet by packet.

Sprayed packets reach a link as if at random. At load u, packets of time s wait u s / (2 (1 - u)) on average (M/D/1,
Pollaczek and Khinchine). But N senders that each keep an even pace cannot be that uneven for long: N s-periodic streams
in random phase hold at most s sqrt(pi N / 8) on average at full load (the Brownian bridge of their arrivals).

A flow draws its paths by hashing E entropies: of a rate r, a link that should have the share a gets r a on average,
with variance r^2 a (1 - a) / E. A link that gets more than its rate fills up to where it marks packets, and senders
turn from its entropies.
"""

from __future__ import annotations

import math

from ...engine._kernel import part
from ._state_kernels import ACTIVE


@part
def weigh(sprayed, classes, sharing, laws):
    """Loads and waits of all classes, and the rate that line and window allow each flow: a window of W bytes over a
    round trip with its waits. Returns the most by which a wait has moved, in packets."""
    moved = 0.0
    for number in range(len(classes.rate)):
        sharing.data[number] = sharing.control[number] = sharing.uneven[number] = 0.0
        sharing.flows[number] = 0
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        for at in range(sprayed.indptr[flow], sprayed.indptr[flow + 1]):
            rate = sprayed.each[at] * sharing.rate[flow]
            sharing.data[sprayed.classes[at]] += rate
            sharing.uneven[sprayed.classes[at]] += rate * (sharing.rate[flow] - rate) / laws.entropies
            sharing.flows[sprayed.classes[at]] += 1
        for at in range(sprayed.back_indptr[flow], sprayed.back_indptr[flow + 1]):
            sharing.control[sprayed.back_classes[at]] += sprayed.back_each[at] * sharing.rate[flow] * laws.control
    for number in range(len(classes.rate)):
        moved = max(moved, _wait(classes, sharing, laws, number))
    for i in range(sharing.size[ACTIVE]):
        flow = sharing.active[i]
        round_s = sprayed.round_s[flow] + forward_wait_s(sprayed, sharing, flow) + back_wait_s(sprayed, sharing, flow)
        sharing.most[flow] = min(sprayed.line[flow], sprayed.window[flow] / round_s)
    return moved


@part
def _wait(classes, sharing, laws, number):
    """Move the waits of a class half of the way to what its load means. Returns that way, in packets."""
    rate, packet_s = classes.rate[number], classes.packet_s[number]
    used = min((sharing.data[number] + sharing.control[number]) / rate, 1.0)
    wait_s = 0.0
    if classes.queues[number] and sharing.flows[number] > 0:
        wait_s = packet_s * math.sqrt(math.pi * sharing.flows[number] / 8.0)
        if used < 1.0:
            wait_s = min(wait_s, packet_s * used / (2.0 * (1.0 - used)))
        if sharing.uneven[number] > 0.0:
            spare = rate - sharing.data[number] - sharing.control[number]
            over = 0.5 * math.erfc(spare / math.sqrt(2.0 * sharing.uneven[number]))
            wait_s += over * max(0.0, laws.marking_s - wait_s)
    way_s = 0.5 * (wait_s - sharing.wait_s[number])
    sharing.wait_s[number] += way_s
    sharing.back_wait_s[number] += 0.5 * (0.5 * packet_s * used - sharing.back_wait_s[number])
    return abs(way_s) / packet_s


@part
def forward_wait_s(sprayed, sharing, flow):
    """What a data packet waits on its way."""
    total = 0.0
    for at in range(sprayed.indptr[flow], sprayed.indptr[flow + 1]):
        total += sprayed.whole[at] * sharing.wait_s[sprayed.classes[at]]
    return total


@part
def back_wait_s(sprayed, sharing, flow):
    """What an acknowledgement waits for the packet under way on each link."""
    total = 0.0
    for at in range(sprayed.back_indptr[flow], sprayed.back_indptr[flow + 1]):
        total += sprayed.back_whole[at] * sharing.back_wait_s[sprayed.back_classes[at]]
    return total
