"""Links in the order in which bytes cross them."""

from __future__ import annotations

import numpy as np

from ....fabric.kernels import kernel


@kernel
def upstream_first(indptr, hop_link, n_links):
    """Topological order of links, int32[n_links], where those before a link on any path come first; where paths run
    in circles, a link that still waits for others is taken in the order of its number."""
    n_hops = len(hop_link)
    due = np.zeros(n_links, np.int64)
    first = np.zeros(n_links + 1, np.int64)
    for flow in range(len(indptr) - 1):
        for hop in range(indptr[flow] + 1, indptr[flow + 1]):
            due[hop_link[hop]] += 1
            first[hop_link[hop - 1] + 1] += 1
    for link in range(n_links):
        first[link + 1] += first[link]
    after, fill = np.empty(n_hops, np.int32), first[:-1].copy()
    for flow in range(len(indptr) - 1):
        for hop in range(indptr[flow] + 1, indptr[flow + 1]):
            link = hop_link[hop - 1]
            after[fill[link]] = hop_link[hop]
            fill[link] += 1
    order, taken = np.empty(n_links, np.int32), np.zeros(n_links, np.bool_)
    done, filled, least = 0, 0, 0
    for link in range(n_links):
        if due[link] == 0:
            order[filled], taken[link] = link, True
            filled += 1
    while done < n_links:
        if done == filled:
            while taken[least]:
                least += 1
            order[filled], taken[least] = least, True
            filled += 1
        link = order[done]
        done += 1
        for at in range(first[link], first[link + 1]):
            due[after[at]] -= 1
            if due[after[at]] == 0 and not taken[after[at]]:
                order[filled], taken[after[at]] = after[at], True
                filled += 1
    return order
