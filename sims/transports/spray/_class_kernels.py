"""Links that carry the same shares of the same flows are one class, and stand in for one another."""

from __future__ import annotations

import numpy as np

from ....fabric.kernels import kernel


@kernel
def weighed(indptr, links, shares, weights, n_links):
    """Sums over the flows on each link of share times `weights` float64[n]: of those whose data it carries and of those
    whose data its other direction carries, float64[n_links, 2]."""
    sums = np.zeros((n_links, 2))
    for flow in range(len(indptr) - 1):
        for hop in range(indptr[flow], indptr[flow + 1]):
            sums[links[hop], 0] += weights[flow] * shares[hop]
            sums[links[hop] ^ 1, 1] += weights[flow] * shares[hop]
    return sums


@kernel
def by_class(indptr, link_class, links, shares, turned, n_classes):
    """The classes that each flow crosses, from its links (`turned` 1: their other directions): CSR `indptr`
    int64[n + 1], `classes` int32[...], the share of the flow on one link of the class and on all of them, float64[...]
    each."""
    n, used = len(indptr) - 1, 0
    rows, at = np.zeros(n + 1, np.int64), np.full(n_classes, -1, np.int64)
    classes, each, whole = np.empty(len(links), np.int32), np.empty(len(links)), np.empty(len(links))
    for flow in range(n):
        for hop in range(indptr[flow], indptr[flow + 1]):
            number = link_class[links[hop] ^ turned]
            if at[number] < rows[flow]:
                at[number] = used
                classes[used], each[used], whole[used] = number, shares[hop], 0.0
                used += 1
            whole[at[number]] += shares[hop]
        rows[flow + 1] = used
    return rows, classes[:used].copy(), each[:used].copy(), whole[:used].copy()


@kernel
def asked_of(indptr, classes, each, end_of, rate):
    """Per class, the rate that its flows ask of one link there when each of their ends, `end_of` int64[n], is at its
    full rate: of flows with one end the most that any asks; float64[n_classes]."""
    asked, begin = np.zeros(len(rate)), np.zeros(len(rate) + 1, np.int64)
    for number in classes:
        begin[number + 1] += 1
    for number in range(len(rate)):
        begin[number + 1] += begin[number]
    end, share, at = np.empty(len(classes), np.int64), np.empty(len(classes)), begin[:-1].copy()
    for flow in range(len(end_of)):
        for place in range(indptr[flow], indptr[flow + 1]):
            number = classes[place]
            end[at[number]], share[at[number]] = end_of[flow], each[place]
            at[number] += 1
    seen, most = np.full(len(rate), -1, np.int64), np.zeros(len(rate))
    for number in range(len(rate)):
        for place in range(begin[number], begin[number + 1]):
            if seen[end[place]] != number:
                seen[end[place]], most[end[place]] = number, 0.0
            more = max(share[place] - most[end[place]], 0.0)
            most[end[place]] += more
            asked[number] += more * rate[end[place]]
    return asked
