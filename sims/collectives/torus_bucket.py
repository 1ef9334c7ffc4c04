"""Bucket algorithm on a torus, in all dimensions and both directions at once (Jain and Sabharwal, HPCC 2010; Barnett,
Littlefield, Payne and van de Geijn, J. Parallel Distrib. Comput. 22, 1994).

A reduce-scatter goes along one dimension after the other, on ever less data; an all-gather the way back. A rank has 2D
links, so the data is cut in 2D: copy (d, way) starts with dimension d and turns that way round.

    T = 2 sum_i (d_i - 1) alpha + 2(n - 1)/n S / (2D b),   all-reduce on D equal dimensions of links b

which keeps every link busy; half of it for reduce-scatter and all-gather. Lower bound: 2(n - 1)/n S / (2D b).
"""

from __future__ import annotations

from itertools import product

import numpy as np

from ..network import Network
from .communicator import Communicator
from .demand import Call
from .ring import ring_phase
from .schedule import Indices, Phase, Schedule, side_by_side

OPS = ("all-reduce", "reduce-scatter", "all-gather")


def unfit(network: Network, comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    if network.fabric.meta.get("family") != "torus":
        return "the fabric is no torus"
    if _grid(network, comm) is None:
        return "the ranks are not one per switch of a box"
    return ""


def torus_bucket(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    """The copies run stage by stage side by side."""
    grid = _grid(network, comm)
    assert grid is not None  # `unfit` has looked
    axes = [axis for axis, length in enumerate(grid.shape) if length > 1]
    orders = [axes[first:] + axes[:first] for first in range(len(axes))]
    copies = list(product(orders, (1, -1)))
    scatter = [(stage, True) for stage in range(len(axes))]
    gather = [(stage, False) for stage in reversed(range(len(axes)))]
    stages = {"all-reduce": scatter + gather, "reduce-scatter": scatter, "all-gather": gather}[call.op]
    phases = [
        phase
        for stage, adding in stages
        for phase in side_by_side(
            [
                _stage(comm, call.op, grid, copy, len(copies), *copies[copy], stage, adding)
                for copy in range(len(copies))
            ]
        )
    ]
    return (tuple(phases),)


def _stage(
    comm: Communicator,
    op: str,
    grid: Indices,
    copy: int,
    copies: int,
    order: list[int],
    way: int,
    stage: int,
    adding: bool,
) -> Phase:
    """Rings along dimension `order[stage]`. Between them, the ranks of a ring keep the pieces of all ranks that agree
    with them in the dimensions before; each chunk of a ring is what one of its ranks will keep."""
    axis, done = order[stage], order[:stage]
    rest = [other for other in range(grid.ndim) if other not in (*done, axis)]
    agreeing = int(np.prod([grid.shape[other] for other in done], dtype=int))
    along = grid.transpose(*done, *rest, axis).reshape(agreeing, -1, grid.shape[axis])[..., ::way]
    rings = along.reshape(-1, grid.shape[axis])
    owner = np.broadcast_to(
        np.swapaxes(along, 1, 2)[:, None], (agreeing, along.shape[1], along.shape[2], along.shape[1])
    )
    owner = owner.reshape(len(rings), grid.shape[axis], -1)
    if adding:
        owner = np.roll(owner, 1, axis=1)  # what a rank keeps sets out behind it
    one_block = op == "all-reduce"
    block = np.zeros_like(owner) if one_block else owner
    part = copy * comm.size + owner if one_block else np.full_like(owner, copy)
    turns = grid.shape[axis] - 1
    return ring_phase(comm, rings, block, part, 1 / (comm.size * copies), turns * adding, turns)


def _grid(network: Network, comm: Communicator) -> Indices | None:
    """Positions in the communicator by coordinates, if its ranks fill a box of the torus, one per switch."""
    fabric, ports = network.fabric, network.ports
    dims = [name for name in ("coord0", "coord1", "coord2", "coord3", "coord4") if name in fabric.columns]
    has_port = np.diff(ports.indptr)[comm.ranks] > 0
    if not dims or not has_port.all():
        return None
    switch = ports.switch[ports.indptr[comm.ranks]]
    place = [np.unique(fabric.column(name)[switch], return_inverse=True) for name in dims]
    shape = tuple(len(values) for values, _ in place)
    if np.prod(shape) != comm.size:
        return None
    grid = np.full(shape, -1)
    grid[tuple(number.ravel() for _, number in place)] = np.arange(comm.size)
    return None if (grid < 0).any() else grid
