"""Partition refinement of flows and links, and the check that its result is equitable.

Colours are 64-bit hashes (int64, wrapping). A link's next colour joins its colour and the sum of its flows' mixed with
their demand; a flow's likewise those of its links, and of the flows it waits for.
"""

from __future__ import annotations

import numpy as np

from ._kernel import inlined, kernel

EMPTY = -1

MOST_CLASSES = 62
"""Classes of links that a flow may cross: bits of an int64 but two."""


@inlined
def mix(x):
    """Bijection of int64 that scatters bits: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    z = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.int64(z ^ (z >> np.uint64(31)))


@kernel
def blend(colour, bits):
    """Join further values (int64[n], bits of floats) to colours (int64[n])."""
    for i in range(len(colour)):
        colour[i] = mix(colour[i] ^ mix(bits[i]))


@kernel
def refine(indptr, links, demand_bits, next_indptr, next_flows, flow_colour, link_colour, flow_sum, link_sum):
    """One round: links by the flows on them, then flows by their links and by the flows they wait for.

    demand_bits int64[nnz] or [0]; flow_sum int64[n] and link_sum int64[m] are workspace.
    """
    flow_sum[:] = 0
    link_sum[:] = 0
    unit = len(demand_bits) == 0
    for f in range(len(flow_colour)):
        mixed = mix(flow_colour[f])
        for k in range(indptr[f], indptr[f + 1]):
            link_sum[links[k]] += mixed if unit else mix(flow_colour[f] ^ demand_bits[k])
        for k in range(next_indptr[f], next_indptr[f + 1]):
            flow_sum[next_flows[k]] += mix(flow_colour[f] + 1)
    blend(link_colour, link_sum)
    for link in range(len(link_colour)):
        link_sum[link] = mix(link_colour[link])
    for f in range(len(flow_colour)):
        for k in range(indptr[f], indptr[f + 1]):
            link = links[k]
            flow_sum[f] += link_sum[link] if unit else mix(link_colour[link] ^ demand_bits[k])
    blend(flow_colour, flow_sum)


@kernel
def number_colours(colour, table, number, first):
    """Number the colours (int64[n]) by first appearance, into `number` (int32[n]). Returns how many there are.

    first: int32[n], the first item of each; table: int32[2^b >= 2 n], workspace.
    """
    table[:] = EMPTY
    mask, n_colours = len(table) - 1, 0
    for i in range(len(colour)):
        at = colour[i] & mask
        while table[at] != EMPTY and colour[first[table[at]]] != colour[i]:
            at = (at + 1) & mask
        if table[at] == EMPTY:
            table[at] = n_colours
            first[n_colours] = i
            n_colours += 1
        number[i] = table[at]
    return n_colours


@kernel
def order_by_class(number, at, order):
    """Items by class number (int32[n]), those of a class in order; at int64[classes]: where each class begins."""
    for item in range(len(number)):
        order[at[number[item]]] = item
        at[number[item]] += 1


@kernel
def draw_quotient(paths, by_class, flow_class, link_class, members, quotient, scratch, tolerance):
    """Paths of the classes of flows over the classes of links, into `quotient`; its number of hops, or -1.

    -1: the classes are not equitable, which is that every flow of a class crosses the same classes of links, and that
    a class of flows asks the same of all links of a class, to within `tolerance`. by_class int32[n]: flows ordered by
    class; members int32[classes of links]; quotient: (class_indptr int64[classes + 1], links int32, demand float64, as
    long as the paths of one flow each); scratch: (asked float64[m] zeros, touched int32[m], place int32[classes of
    links] EMPTY, seen int32[classes of links] zeros).
    """
    class_indptr, links_out, demand_out = quotient
    asked, touched, place, seen = scratch
    size, at = 0, 0
    while at < len(by_class):
        begin, c = size, flow_class[by_class[at]]
        class_indptr[c] = begin
        for k in range(paths.indptr[by_class[at]], paths.indptr[by_class[at] + 1]):
            link = link_class[paths.links[k]]
            if place[link] == EMPTY:
                place[link], links_out[size], demand_out[size] = size, link, 0.0
                size += 1
        if size - begin > MOST_CLASSES:
            return -1
        n_touched = 0
        while at < len(by_class) and flow_class[by_class[at]] == c:
            crossed, f = 0, by_class[at]
            for k in range(paths.indptr[f], paths.indptr[f + 1]):
                link = paths.links[k]
                hop = place[link_class[link]]
                if hop == EMPTY:
                    return -1
                crossed |= 1 << (hop - begin)
                if asked[link] == 0.0:
                    touched[n_touched] = link
                    n_touched += 1
                asked[link] += paths.demand[k] if len(paths.demand) else 1.0
            if crossed != (1 << (size - begin)) - 1:
                return -1
            at += 1
        for link in touched[:n_touched]:
            hop = place[link_class[link]]
            if demand_out[hop] == 0.0:
                demand_out[hop] = asked[link]
            elif abs(asked[link] - demand_out[hop]) > tolerance * demand_out[hop]:
                return -1
            seen[link_class[link]] += 1
            asked[link] = 0.0
        for hop in range(begin, size):
            link = links_out[hop]
            if seen[link] != members[link]:
                return -1
            seen[link], place[link] = 0, EMPTY
    class_indptr[len(class_indptr) - 1] = size
    return size


@kernel
def waits_alike(after_indptr, after_flows, by_class, flow_class, mark, seen):
    """Whether flows of a class wait for the same classes.

    by_class int32[n]: flows ordered by class; mark, seen int32[classes]: workspace.
    """
    mark[:] = EMPTY
    seen[:] = EMPTY
    distinct, leader = 0, EMPTY
    for f in by_class:
        count = 0
        if leader == EMPTY or flow_class[leader] != flow_class[f]:
            leader, distinct = f, 0
            for k in range(after_indptr[f], after_indptr[f + 1]):
                distinct += int(mark[flow_class[after_flows[k]]] != leader)
                mark[flow_class[after_flows[k]]] = leader
        for k in range(after_indptr[f], after_indptr[f + 1]):
            c = flow_class[after_flows[k]]
            if mark[c] != leader:
                return False
            count += int(seen[c] != f)
            seen[c] = f
        if count != distinct:
            return False
    return True
