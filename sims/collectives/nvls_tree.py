"""All-reduce over several domains whose NVSwitches reduce ("NVLSTree" in NCCL): each rank is the head of 1/G of the
data, and the heads of one rail join their domains by a double binary tree; everything is in flight at once.

A rank's NIC sends and receives at most 2S/G (S/G between two domains), its links to the switches S + S/G.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .nvls import multicast_unfit, reads, switch_transfers, writes
from .schedule import Indices, Moves, Schedule, rounds
from .tree import double_tree_edges, edge_depth, tree_depth

OPS = ("all-reduce",)


def unfit(comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    if comm.domains == 1:
        return "the ranks are in one scale-up domain"
    return multicast_unfit(comm) or ("" if comm.equal_domains else "the domains hold different numbers of ranks")


def nvls_tree(comm: Communicator, op: str) -> Schedule:
    """Every part of the data is cut in two, one for either tree of its heads."""
    child, parent, half = double_tree_edges(comm.domains)
    grid, depth = np.arange(comm.size).reshape(comm.domains, -1), tree_depth(comm.domains)
    src, dst, fraction = switch_transfers(comm)
    up, down = comm.ranks[grid[child]].ravel(), comm.ranks[grid[parent]].ravel()
    crossing = np.full(2 * len(up), 0.5 / grid.shape[1])
    moves = _moves(comm, half, depth, len(src))
    return (
        rounds(
            np.concatenate((src, up, down)),
            np.concatenate((dst, down, up)),
            np.concatenate((fraction, crossing)),
            lambda _: moves,
            1,
            2 + 2 * depth,
        ),
    )


def _moves(comm: Communicator, half: Indices, depth: int, first: int) -> Moves:
    """The heads read the sums of their domains, add them up along the trees, and write the result to their domains."""
    n, local = comm.size, comm.size // comm.domains
    own = 2 * (np.arange(n)[:, None] % local) + (0, 1)
    edges = np.arange(len(half) * local).reshape(-1, local) + first
    part, below, share = 2 * np.arange(local) + half[:, None], edge_depth(comm.domains)[:, None], 0.5 / local
    return Moves.joined(
        (
            reads(own, 2 * local, n),
            Moves.of(edges, 0, share, part, adds=True, stage=2 + depth - below),
            Moves.of(edges + edges.size, 0, share, part, stage=1 + depth + below),
            writes(own, 2 * local, n, 2 + 2 * depth),
        )
    )
