"""Walks over any graph of switches by next-hop sets: the ports whose far end is one hop nearer to the goal.

Node and link ids are int32, CSR indptr int64 with half-open ranges; switches have compact numbers
(`graph.number[node]`). `goals.hops[row, switch]` are the hops still to go, int16: -1 where there is no way, CLIMBING
added where the way begins upwards (up*/down* only). A goal is one switch or a whole group of switches.
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel
from ._choice_kernels import WEIGHTED, choose, choose_weighted, grown_float64, grown_int32

CLIMBING = np.int16(1 << 14)
STILL_TO_GO = np.int16(CLIMBING - 1)


@kernel
def admissible(graph, group_of_goal, here, there):
    """Whether a way to the goal may go from switch `here` to `there`: within a group, or into the goal's."""
    return graph.group[there] == graph.group[here] or graph.group[there] == group_of_goal


@kernel
def fill_climbs(graph, from_the_top, out):
    """Complete `out` of `fill_hops`: switches without a way down climb first, over the fewest hops.

    `from_the_top` lists the switches from the highest to the lowest, so whatever lies above is known already.
    """
    for r in range(len(out)):
        row = out[r]
        for here in from_the_top:
            if row[here] >= 0:
                continue
            best = STILL_TO_GO
            for k in range(graph.indptr[here], graph.indptr[here + 1]):
                above = row[graph.far[k]]
                if graph.rising[k] and above >= 0:
                    best = min(best, above & STILL_TO_GO)
            if best < STILL_TO_GO:
                row[here] = CLIMBING + best + 1


@kernel
def reached_over(graph, reach, link):
    return min(graph.capacity_bps[link], np.float64(reach[graph.number[graph.link_target[link]]]))


@kernel
def next_hops(graph, goals, r, here, out, weights):
    """Number of equal-cost links of switch `here` towards goal `r`; their ids, by port, into `out`, and their weights:
    the ports that each stands for, times the bandwidth that reaches the goal over it if `goals.reach` is filled."""
    row = goals.hops[r]
    climbing = row[here] >= CLIMBING
    wanted = (row[here] & STILL_TO_GO) - 1
    count = 0
    for k in range(graph.indptr[here], graph.indptr[here + 1]):
        if graph.rising[k] != climbing:
            continue
        there = graph.far[k]
        left = row[there] & STILL_TO_GO if climbing else row[there]
        if left == wanted and admissible(graph, goals.group[r], here, there):
            out[count] = graph.links[k]
            weights[count] = graph.parallel[k]
            if len(goals.reach):
                weights[count] *= reached_over(graph, goals.reach[r], out[count])
            count += 1
    return count


@kernel
def fill_reach(graph, goals, out):
    """Bandwidth that reaches the goal from each switch, bit/s into `out` float32[rows, switches]: over its next hops,
    the sum of the lesser of the link's capacity and what its far end reaches. `goals.reach` is empty yet."""
    ports, weights = np.empty(graph.most_ports, np.int32), np.empty(graph.most_ports, np.float64)
    for r in range(len(out)):
        out[r] = 0.0
        for hops in range(goals.hops[r].max() + 1):
            for here in np.flatnonzero(goals.hops[r] == hops):
                if hops == 0:
                    out[r, here] = np.inf
                    continue
                for k in range(next_hops(graph, goals, r, here, ports, weights)):
                    out[r, here] += weights[k] * reached_over(graph, out[r], ports[k])


@kernel
def graph_paths(rule, trips, graph, goals):
    """CSR (indptr, links) of a path per trip, from switch `trips.start[i]` to goal `trips.row[i]`; bool[n] reached."""
    n = len(trips.start)
    reached = np.empty(n, np.bool_)
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        hops = goals.hops[trips.row[i], trips.start[i]]
        reached[i] = hops >= 0
        indptr[i + 1] = indptr[i] + (hops & STILL_TO_GO if hops >= 0 else 0)
    links = np.empty(indptr[n], np.int32)
    ports, weights = np.empty(graph.most_ports, np.int32), np.empty(graph.most_ports, np.float64)
    for i in range(n):
        src, dst, entropy = trips.src[i], trips.dst[i], trips.entropy[i]
        here = trips.start[i]
        for at in range(indptr[i], indptr[i + 1]):
            count = next_hops(graph, goals, trips.row[i], here, ports, weights)
            if rule.kind == WEIGHTED:
                k = choose_weighted(rule, here, src, dst, entropy, weights, count)
            else:
                k = choose(rule, here, src, dst, entropy, trips.digit[i], count)
            links[at] = ports[k]
            here = graph.number[graph.link_target[ports[k]]]
    return indptr, links, reached


@kernel
def graph_spread(starts, rows, share_in, graph, goals):
    """Fractional split from switches `starts[i]` to goals `rows[i]` by the weights of the next hops, `share_in[i]`
    entering.

    Returns CSR (indptr, links, shares) and reached bool[n]; nodes that several paths reach are merged.
    """
    n, switches = len(starts), len(graph.indptr) - 1
    indptr = np.zeros(n + 1, np.int64)
    reached = np.zeros(n, np.bool_)
    links, shares = np.empty(16 * n + 1024, np.int32), np.empty(16 * n + 1024, np.float64)
    ports, weights = np.empty(graph.most_ports, np.int32), np.empty(graph.most_ports, np.float64)
    slot = np.full(switches, -1, np.int32)
    frontier, following = np.empty(switches + 1, np.int32), np.empty(switches + 1, np.int32)
    amount, gathered = np.empty(switches + 1, np.float64), np.empty(switches + 1, np.float64)
    used = 0
    for i in range(n):
        frontier[0], amount[0], size = starts[i], share_in[i], 1
        hops = goals.hops[rows[i], starts[i]]
        reached[i] = hops >= 0
        for _ in range(hops & STILL_TO_GO if hops >= 0 else 0):
            new = 0
            for f in range(size):
                count = next_hops(graph, goals, rows[i], frontier[f], ports, weights)
                if used + count > len(links):
                    links, shares = grown_int32(links, used, count), grown_float64(shares, used, count)
                whole = weights[:count].sum()
                for k in range(count):
                    part = amount[f] * weights[k] / whole
                    links[used], shares[used] = ports[k], part
                    used += 1
                    node = graph.number[graph.link_target[ports[k]]]
                    if slot[node] < 0:
                        slot[node] = new
                        following[new], gathered[new] = node, 0.0
                        new += 1
                    gathered[slot[node]] += part
            for f in range(new):
                slot[following[f]] = -1
            frontier, following = following, frontier
            amount, gathered = gathered, amount
            size = new
        indptr[i + 1] = used
    return indptr, links[:used].copy(), shares[:used].copy(), reached
