"""All-reduce over several domains whose NVSwitches reduce ("NVLSTree" in NCCL): each rank is the head of 1/G of the
data, and the heads of one rail join their domains by a double binary tree; everything is in flight at once.

A rank's NIC sends and receives at most 2S/G (S/G between two domains), its links to the switches S + S/G.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .nvls import multicast_unfit, switch_phase
from .schedule import Phase, Schedule
from .tree import double_tree_edges, tree_depth

OPS = ("all-reduce",)


def unfit(comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    if comm.domains == 1:
        return "the ranks are in one scale-up domain"
    return multicast_unfit(comm) or ("" if comm.equal_domains else "the domains hold different numbers of ranks")


def nvls_tree(comm: Communicator, op: str) -> Schedule:
    child, parent = double_tree_edges(comm.domains)
    switch = switch_phase(comm)
    up, down = comm.grid[child].ravel(), comm.grid[parent].ravel()
    crossing = np.full(2 * len(up), 0.5 / comm.grid.shape[1])
    return (
        Phase(
            np.concatenate((switch.src, up, down)),
            np.concatenate((switch.dst, down, up)),
            np.concatenate((switch.fraction, crossing)),
            repeats=1,
            steps=switch.steps + 2 * tree_depth(comm.domains),
        ),
    )
