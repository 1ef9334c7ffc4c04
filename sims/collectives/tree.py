"""Pipelined double binary tree all-reduce (Sanders, Speck and Traff, Parallel Computing 35, 2009), as in NCCL's
trees.cc.

Two binary trees over the domains carry half of the data each, up to the root and down again; the inner ranks of one
are leaves of the other. Inside a domain the data goes along a chain to the rank that the tree reaches. A port of
bandwidth B sends and receives at most 2S, so T -> 2 depth alpha + 2 S / B, against the lower bound 2(n - 1)/n S / B.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .communicator import Communicator
from .schedule import Phase, Schedule

OPS = ("all-reduce",)

Indices = npt.NDArray[np.int64]


def tree(comm: Communicator, op: str) -> Schedule:
    """One chain per domain and one pair of trees per channel, everything in flight at once, both ways."""
    child, parent = double_tree_edges(comm.domains)
    heads = comm.ranks[comm.indptr[:-1, None] + comm.starts]
    farther, nearer = _chain_edges(comm)
    up_src = np.concatenate((heads[child].ravel(), farther))
    up_dst = np.concatenate((heads[parent].ravel(), nearer))
    fraction = np.concatenate((np.full(heads[child].size, 0.5), np.ones(len(farther)))) / comm.channels
    depth = tree_depth(comm.domains) + int(comm.domain_sizes.max()) - 1
    both = np.concatenate((up_src, up_dst)), np.concatenate((up_dst, up_src)), np.tile(fraction, 2)
    return (Phase(*both, repeats=1, steps=2 * depth),)


def tree_parents(n: int) -> Indices:
    """Parent of each of n nodes in NCCL's first tree; the root is 0, its parent -1.

    With b the lowest set bit of r: (r ^ b) | 2b, or r ^ b where that is not below n.
    """
    r = np.arange(n)
    bit = r & -r
    parent = (r ^ bit) | (bit << 1)
    parent = np.where(parent < n, parent, r ^ bit)
    parent[0] = -1
    return parent


def second_tree_parents(n: int) -> Indices:
    """Parent of each node in the second tree: the first one mirrored for even n, shifted by one for odd n."""
    first = tree_parents(n)
    if n % 2 == 0:
        mirrored = first[::-1]
        return np.where(mirrored >= 0, n - 1 - mirrored, -1)
    shifted = np.roll(first, 1)
    return np.where(shifted >= 0, (shifted + 1) % n, -1)


def double_tree_edges(n: int) -> tuple[Indices, Indices]:
    """(child, parent) of every edge of both trees over n nodes."""
    parents = np.concatenate((tree_parents(n), second_tree_parents(n)))
    child = np.tile(np.arange(n), 2)
    return child[parents >= 0], parents[parents >= 0]


def tree_depth(n: int) -> int:
    """Edges from the farthest node to the root, alike in both trees: ceil(log2 n)."""
    return int(n - 1).bit_length()


def _chain_edges(comm: Communicator) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """(farther, nearer to the head) rank of every chain edge of every channel; chains rise from the channel's
    start."""
    domain = np.repeat(np.arange(comm.domains), comm.domain_sizes - 1)
    step = np.arange(len(domain)) - (comm.indptr[domain] - domain)
    size, base = comm.domain_sizes[domain], comm.indptr[domain]
    nearer = (comm.starts[domain].T + step) % size
    return comm.ranks[base + (nearer + 1) % size].ravel(), comm.ranks[base + nearer].ravel()
