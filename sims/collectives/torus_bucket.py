"""Bucket algorithm on a torus, in all dimensions and both directions at once (Jain and Sabharwal, HPCC 2010; Barnett,
Littlefield, Payne and van de Geijn, J. Parallel Distrib. Comput. 22, 1994).

A reduce-scatter goes along one dimension after the other, on ever less data; an all-gather the way back. A rank has 2D
links, so the data is cut in 2D: copy (d, way) starts with dimension d and turns that way round.

    T = 2 sum_i (d_i - 1) alpha + 2(n - 1)/n S / (2D b),   all-reduce on D equal dimensions of links b

which keeps every link busy; half of it for reduce-scatter and all-gather. Lower bound: 2(n - 1)/n S / (2D b).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

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


@dataclass(frozen=True)
class _Copy:
    """One of `count` slices of the data. It goes along the dimensions of `grid`, the ranks' positions by coordinates,
    in their `order`, one `way` round: 1 or -1."""

    grid: Indices
    number: int
    count: int
    order: list[int]
    way: int


def torus_bucket(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    """The copies run stage by stage side by side."""
    grid = _grid(network, comm)
    assert grid is not None  # `unfit` has looked
    axes = [axis for axis, length in enumerate(grid.shape) if length > 1]
    turned = [axes[first:] + axes[:first] for first in range(len(axes))]
    copies = [_Copy(grid, number, 2 * len(axes), *how) for number, how in enumerate(product(turned, (1, -1)))]
    scatter = [(stage, True) for stage in range(len(axes))]
    gather = [(stage, False) for stage in reversed(range(len(axes)))]
    stages = {"all-reduce": scatter + gather, "reduce-scatter": scatter, "all-gather": gather}[call.op]
    beside = [side_by_side([_stage(comm, call.op, copy, *stage) for copy in copies]) for stage in stages]
    return (tuple(phase for phases in beside for phase in phases),)


def _stage(comm: Communicator, op: str, copy: _Copy, stage: int, adding: bool) -> Phase:
    """Rings along one dimension. Before a scatter's and after a gather's a rank has the pieces of all ranks that agree
    with it in the dimensions before; each chunk of the ring is what one of its ranks keeps of them."""
    axis, done = copy.order[stage], copy.order[:stage]
    rest = [other for other in range(copy.grid.ndim) if other not in (*done, axis)]
    length = copy.grid.shape[axis]
    agreeing = prod(copy.grid.shape[other] for other in done)
    along = copy.grid.transpose(*done, *rest, axis).reshape(agreeing, -1, length)[..., :: copy.way]
    beside = along.shape[1]

    def pieces() -> tuple[Indices, Indices]:
        owner = np.repeat(np.swapaxes(along, 1, 2), beside, axis=0).reshape(-1, length, beside)
        if adding:
            owner = np.roll(owner, 1, axis=1)  # what a rank keeps sets out behind it
        if op == "all-reduce":
            return np.zeros_like(owner), copy.number * comm.size + owner
        return owner, np.full_like(owner, copy.number)

    fraction, turns = beside / (comm.size * copy.count), length - 1
    return ring_phase(comm, along.reshape(-1, length), pieces, fraction, turns * adding, turns)


def _grid(network: Network, comm: Communicator) -> Indices | None:
    """Positions in the communicator by coordinates, if its ranks fill a box of the torus, one per switch."""
    fabric, ports = network.fabric, network.ports
    dims = [name for name in ("coord0", "coord1", "coord2", "coord3") if name in fabric.columns]
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
