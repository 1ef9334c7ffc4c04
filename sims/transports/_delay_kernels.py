"""What one byte takes along the ways of flows."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel

_NS = 1e-9
_BITS = 8.0


@kernel
def along(indptr, links, shares, turned, latency_ns, capacity_bps, switched):
    """Per row of a CSR of links with shares: latency on all links, latency on the switched network, seconds per byte
    there, all hops together and the slowest one, float64[n] each, and whether there are such hops, bool[n].
    `turned` (0 or 1): the other direction of every link; `switched` bool per link."""
    n = len(indptr) - 1
    latency_s, network_s, hop_s, slowest_s = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    crosses = np.zeros(n, np.bool_)
    for row in range(n):
        for hop in range(indptr[row], indptr[row + 1]):
            link = links[hop] ^ turned
            late_s = shares[hop] * latency_ns[link] * _NS
            latency_s[row] += late_s
            if switched[link]:
                byte_s = _BITS / capacity_bps[link]
                network_s[row] += late_s
                hop_s[row] += shares[hop] * byte_s
                slowest_s[row] = max(slowest_s[row], byte_s)
                crosses[row] = True
    return latency_s, network_s, hop_s, slowest_s, crosses


@kernel
def any_on(indptr, links, marked):
    """Which rows of a CSR of links have one that is `marked` (bool per link)."""
    found = np.zeros(len(indptr) - 1, np.bool_)
    for row in range(len(found)):
        for hop in range(indptr[row], indptr[row + 1]):
            if marked[links[hop]]:
                found[row] = True
                break
    return found
