"""Walks along forwarding tables. Node and link ids are int32, CSR indptr int64 with half-open ranges."""

from __future__ import annotations

import numpy as np

from ..kernels import kernel


@kernel
def table_paths(start, address, last, table, number, link_target):
    """CSR (indptr, links) of the way of each trip from compact switch `start[i]` to `address[i]`, without its last
    link, which has to be `last[i]`; `reached` bool[n], False where the tables end, circle or come out elsewhere.

    `table[switch, address]` is the link that the switch forwards by, -1 if none.
    """
    n, switches = len(start), len(table)
    reached = np.zeros(n, np.bool_)
    indptr = np.zeros(n + 1, np.int64)
    links = np.empty(0, np.int32)
    for writing in (False, True):
        if writing:
            links = np.empty(indptr[n], np.int32)
        for i in range(n):
            here, hops = np.int64(start[i]), 0
            link = table[here, address[i]]
            while link >= 0 and link != last[i] and number[link_target[link]] >= 0 and hops < switches:
                if writing and reached[i]:
                    links[indptr[i] + hops] = link
                hops += 1
                here = np.int64(number[link_target[link]])
                link = table[here, address[i]]
            if not writing:
                reached[i] = link == last[i]
                indptr[i + 1] = indptr[i] + (hops if reached[i] else 0)
    return indptr, links, reached
