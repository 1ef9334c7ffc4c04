"""Partition refinement of flows and links, and the check that its result is equitable.

Colours are 64-bit hashes (int64, wrapping). A link's next colour joins its colour and the sum of its flows' mixed with
their demand; a flow's likewise those of its links, and of the flows it waits for.
"""

from __future__ import annotations

import numpy as np

from ._kernel import kernel, part

EMPTY = -1


@part
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
    for f in range(len(flow_colour)):
        for k in range(indptr[f], indptr[f + 1]):
            link_sum[links[k]] += mix(flow_colour[f] ^ (demand_bits[k] if len(demand_bits) else 0))
        for k in range(next_indptr[f], next_indptr[f + 1]):
            flow_sum[next_flows[k]] += mix(flow_colour[f] + 1)
    blend(link_colour, link_sum)
    for f in range(len(flow_colour)):
        for k in range(indptr[f], indptr[f + 1]):
            flow_sum[f] += mix(link_colour[links[k]] ^ (demand_bits[k] if len(demand_bits) else 0))
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
def draw_quotient(indptr, links, demand, flow_class, link_class, first_flow, first_link, quotient):
    """Paths of the classes of flows over the classes of links, into `quotient`. Returns the number of hops.

    A class crosses the classes of links that its first flow crosses, and asks of each what all its flows ask of the
    first link there. quotient: (class_indptr int64[classes + 1], links int32, demand float64, both as long as paths).
    """
    class_indptr, links_out, demand_out = quotient
    size = 0
    for c in range(len(class_indptr) - 1):
        class_indptr[c] = size
        for k in range(indptr[first_flow[c]], indptr[first_flow[c] + 1]):
            if find(link_class[links[k]], links_out, class_indptr[c], size) == size:
                links_out[size] = link_class[links[k]]
                demand_out[size] = 0.0
                size += 1
    class_indptr[len(class_indptr) - 1] = size
    for f in range(len(indptr) - 1):
        c = flow_class[f]
        for k in range(indptr[f], indptr[f + 1]):
            if first_link[link_class[links[k]]] == links[k]:
                at = find(link_class[links[k]], links_out, class_indptr[c], class_indptr[c + 1])
                if at < class_indptr[c + 1]:
                    demand_out[at] += demand[k] if len(demand) else 1.0
    return size


@part
def find(item, items, begin, end):
    """First place of `item` in `items[begin:end]`, `end` if it is not there."""
    for i in range(begin, end):
        if items[i] == item:
            return i
    return end


@kernel
def transpose(indptr, links, demand, flow_class, row_indptr, row_class, row_demand):
    """Classes (int32[nnz]) and demands (float64[nnz], or [0] as `demand`) of the flows on each link.

    row_indptr int64[m + 1] holds the ends of the rows at first, and CSR rows at last.
    """
    for f in range(len(indptr) - 1):
        for k in range(indptr[f], indptr[f + 1]):
            row_indptr[links[k]] -= 1
            at = row_indptr[links[k]]
            row_class[at] = flow_class[f]
            if len(demand):
                row_demand[at] = demand[k]


@kernel
def paths_alike(indptr, links, flow_class, link_class, class_indptr, class_links):
    """Whether every flow crosses exactly the classes of links that its class crosses."""
    for f in range(len(indptr) - 1):
        begin, end = class_indptr[flow_class[f]], class_indptr[flow_class[f] + 1]
        crossed = 0
        for k in range(indptr[f], indptr[f + 1]):
            at = find(link_class[links[k]], class_links, begin, end)
            if at == end or at - begin > 62:
                return False
            crossed |= 1 << (at - begin)
        if crossed != (1 << (end - begin)) - 1:
            return False
    return True


@kernel
def links_alike(row_indptr, row_class, row_demand, link_class, quotient, crossings, total, tolerance):
    """Whether every class of flows asks of each link what the quotient says.

    rows as of `transpose`; quotient: (class_indptr, links, demand); crossings int32[classes of links]: hops of the
    quotient over each; total float64[classes of flows]: zeros.
    """
    class_indptr, class_links, class_demand = quotient
    for link in range(len(row_indptr) - 1):
        seen = 0
        for i in range(row_indptr[link], row_indptr[link + 1]):
            seen += int(total[row_class[i]] == 0.0)
            total[row_class[i]] += row_demand[i] if len(row_demand) else 1.0
        alike = seen == 0 or seen == crossings[link_class[link]]
        for i in range(row_indptr[link], row_indptr[link + 1]):
            c = row_class[i]
            if total[c] == 0.0:
                continue
            at = find(link_class[link], class_links, class_indptr[c], class_indptr[c + 1])
            expected = class_demand[at] if at < class_indptr[c + 1] else 0.0
            alike = alike and abs(total[c] - expected) <= tolerance * expected
            total[c] = 0.0
        if not alike:
            return False
    return True


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
