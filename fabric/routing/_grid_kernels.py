"""Walks over a grid of switches by arithmetic on coordinates.

Node and link ids are int32, CSR indptr int64 with half-open ranges; switches have compact numbers
(`graph.number[node]`) and `grid.at[switch, dimension]` is a coordinate, from 0. A dimension's `grid.kind` is
LINE (neighbours are cabled), RING (and the last to the first) or FULL (every pair).
"""

from __future__ import annotations

import numpy as np

from ..kernels import kernel
from ._choice_kernels import choose, grown_int32

LINE = 0
RING = 1
FULL = 2


@kernel
def step(grid, here, goal, dimension, tie):
    """The coordinate that the next hop from `here` has in `dimension`: the goal's, or one step along the shorter way.

    Halfway round a ring bit `dimension` of `tie` sends it down; `tie` -1: up where the sum of the coordinates is even,
    which depends on nothing but the switch, as a forwarding table must.
    """
    now, then, size = grid.at[here, dimension], grid.at[goal, dimension], grid.size[dimension]
    if grid.kind[dimension] == FULL:
        return np.int64(then)
    if grid.kind[dimension] == LINE:
        return np.int64(now + 1 if then > now else now - 1)
    ahead = (then - now) % size
    upward = 2 * ahead < size
    if 2 * ahead == size:
        upward = (grid.at[here].sum() if tie < 0 else tie >> dimension) % 2 == 0
    return np.int64((now + 1) % size if upward else (now - 1) % size)


@kernel
def cables(graph, grid, here, dimension, wanted, out):
    """Number of links of `here` along `dimension` to coordinate `wanted`; their ids, by port, into `out`."""
    count = 0
    for k in range(graph.indptr[here], graph.indptr[here + 1]):
        if grid.along[k] == dimension and grid.at[graph.far[k], dimension] == wanted:
            out[count] = graph.links[k]
            count += 1
    return count


@kernel
def grid_paths(rule, trips, tie, graph, grid):
    """CSR (indptr, links) of one path per trip from switch `trips.start[i]` to switch `trips.row[i]`, dimension by
    dimension; `reached` bool[n], False where a cable is missing. `tie`: see `step`."""
    n, dimensions = len(trips.start), grid.at.shape[1]
    reached = np.ones(n, np.bool_)
    indptr = np.zeros(n + 1, np.int64)
    out = np.empty(graph.most_ports, np.int32)
    links, used = np.empty(8 * n + 1024, np.int32), 0
    for i in range(n):
        here, goal = np.int64(trips.start[i]), trips.row[i]
        for dimension in range(dimensions):
            while reached[i] and grid.at[here, dimension] != grid.at[goal, dimension]:
                count = cables(graph, grid, here, dimension, step(grid, here, goal, dimension, tie), out)
                if count == 0:
                    reached[i] = False
                    used = indptr[i]
                    break
                k = choose(rule, here, trips.src[i], trips.dst[i], trips.entropy[i], trips.digit[i], count)
                if used == len(links):
                    links = grown_int32(links, used, 1)
                links[used] = out[k]
                used += 1
                here = np.int64(graph.number[graph.link_target[out[k]]])
        indptr[i + 1] = used
    return indptr, links[:used].copy(), reached
