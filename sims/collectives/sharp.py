"""All-reduce in the switches of an InfiniBand network (SHARP: Graham et al., COMHPC 2016): data is summed on its way up
a tree of switches and sent back down to all. Where ranks share scale-up domains, each rail has a tree for its part of
the data, between a reduce-scatter and an all-gather inside.

    T = 2(alpha + h t) + S / B,   one rank per domain, tree of h switches in height

The lower bound with reduction in the network is met: every rank sends S and receives S. Messages beyond what one
operation takes (`sharp_limits`) are operations one after the other, each a round trip through the tree more.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from ..network import Network
from ..transports import SWITCH
from . import hierarchical
from .aggregation_tree import AggregationTree, aggregation_tree, both_ways, unreached
from .communicator import Communicator
from .demand import Call
from .schedule import Indices, Moves, Phase, Schedule
from .sharp_limits import operation_bytes, refused_trees

OPS = ("all-reduce",)


def unfit(network: Network, comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    return unreached(network, comm, "reduce") or hierarchical.unfit(comm)


def unfit_together(network: Network, comms: Sequence[Communicator]) -> str:
    """Why the switches do not serve this group, or all these at once, or nothing."""
    return refused_trees(network, [tree for comm in comms for tree in _trees(network, comm)[1]])


def operations(comm: Communicator, size_bytes: float) -> int:
    """How many the part of a rail is, one after the other."""
    part_bytes = size_bytes * comm.domains / comm.size
    return max(1, ceil(part_bytes / operation_bytes(part_bytes)))


def sharp(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    """Reduce-scatter inside, the switches, all-gather inside."""
    rails, trees = _trees(network, comm)
    around = comm.size > comm.domains
    first, last = ((hierarchical.inside(comm, call.op, adding),) * around for adding in (True, False))
    return ((*first, _in_switches(comm, rails, trees), *last),)


def _trees(network: Network, comm: Communicator) -> tuple[Indices, list[AggregationTree]]:
    """The ranks of each rail, and its tree."""
    rails = np.arange(comm.size).reshape(comm.domains, -1).T
    first = comm.turn * len(rails)
    return rails, [aggregation_tree(network, comm.ranks[rail], first + number) for number, rail in enumerate(rails)]


def _in_switches(comm: Communicator, rails: Indices, trees: list[AggregationTree]) -> Phase:
    """All of it up every edge of every tree and down again; what a rail carries are the parts of its ranks."""
    share, local = 1 / comm.size, len(rails)
    edges = np.array([len(tree.height) for tree in trees])
    rail = np.repeat(np.arange(local), edges)
    leaf = np.concatenate([tree.leaf for tree in trees])
    src = np.where(leaf >= 0, comm.ranks[rails[rail, leaf]], SWITCH)
    height = np.concatenate([tree.height for tree in trees])
    tallest = int(height.max()) + 1
    part = np.arange(comm.domains) * local + rail[:, None]
    edge = np.arange(len(rail))[:, None]
    both = Moves.joined(
        (
            Moves.of(edge, 0, share, part, adds=True, stage=height[:, None]),
            Moves.of(edge + len(rail), 0, share, part, stage=2 * tallest - 1 - height[:, None]),
        )
    )
    switch = np.full(len(src), SWITCH)
    return Phase(
        np.concatenate((src, switch)).astype(np.int32),
        np.concatenate((switch, src)).astype(np.int32),
        np.full(2 * len(src), 1 / local),
        repeats=1,
        steps=2,
        routes=both_ways([links for tree in trees for links in tree.links]),
        hops=tallest,
        moves=lambda _: both,
    )
