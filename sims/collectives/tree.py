"""Pipelined double binary tree all-reduce (Sanders, Speck and Traff, Parallel Computing 35, 2009), as in NCCL's
trees.cc.

Two binary trees over the domains carry half of the data each, up to the root and down again; the inner ranks of one
are leaves of the other. Inside a domain the data goes along a chain to the rank that the tree reaches. A port of
bandwidth B sends and receives at most 2S, so T -> 2 depth alpha + 2 S / B, against the lower bound 2(n - 1)/n S / B.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .communicator import Communicator
from .schedule import Indices, Moves, Schedule, rounds

OPS = ("all-reduce",)


def tree(comm: Communicator, op: str) -> Schedule:
    """One chain per domain and one pair of trees per channel, everything in flight at once, both ways."""
    child, parent, half = double_tree_edges(comm.domains)
    heads = comm.indptr[:-1, None] + comm.starts
    farther, nearer, hop = _chain_edges(comm)
    src = np.concatenate((heads[child].ravel(), farther.ravel()))
    dst = np.concatenate((heads[parent].ravel(), nearer.ravel()))
    fraction = np.concatenate((np.full(heads[child].size, 0.5), np.ones(farther.size))) / comm.channels
    longest, deepest = int(comm.domain_sizes.max()) - 1, tree_depth(comm.domains)
    up = _moves(comm.channels, half, longest + deepest - edge_depth(comm.domains), longest - hop)
    down = replace(
        up, transfer=up.transfer + len(src), stage=2 * (longest + deepest) - 1 - up.stage, adds=np.zeros_like(up.adds)
    )
    both = Moves.joined((up, down))
    src, dst = comm.ranks[np.concatenate((src, dst))], comm.ranks[np.concatenate((dst, src))]
    return (rounds(src, dst, np.tile(fraction, 2), lambda _: both, 1, 2 * (longest + deepest)),)


def _moves(channels: int, half: Indices, tree_stage: Indices, chain_stage: Indices) -> Moves:
    """What goes up: on a tree edge its tree's half of the channel's data, on a chain edge both halves."""
    channel = np.arange(channels)
    edges = np.arange(len(half) * channels).reshape(-1, channels)
    chain = np.arange(len(chain_stage) * channels).reshape(-1, channels) + edges.size
    share = 0.5 / channels
    return Moves.joined(
        [
            Moves.of(edges, 0, share, 2 * channel + half[:, None], True, tree_stage[:, None]),
            *(Moves.of(chain, 0, share, 2 * channel + which, True, chain_stage[:, None]) for which in (0, 1)),
        ]
    )


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


def double_tree_edges(n: int) -> tuple[Indices, Indices, Indices]:
    """(child, parent, which tree: 0 or 1) of every edge of both trees over n nodes."""
    parents = np.concatenate((tree_parents(n), second_tree_parents(n)))
    child, which = np.tile(np.arange(n), 2), np.repeat((0, 1), n)
    return child[parents >= 0], parents[parents >= 0], which[parents >= 0]


def edge_depth(n: int) -> Indices:
    """How far from the root the child of each edge of `double_tree_edges` is, from 1 on."""
    return np.concatenate([_depths(parents)[parents >= 0] for parents in (tree_parents(n), second_tree_parents(n))])


def _depths(parents: Indices) -> Indices:
    depth, above = np.zeros_like(parents), parents
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    return depth


def tree_depth(n: int) -> int:
    """Edges from the farthest node to the root, alike in both trees: ceil(log2 n)."""
    return int(n - 1).bit_length()


def _chain_edges(comm: Communicator) -> tuple[Indices, Indices, Indices]:
    """(farther, nearer to the head) position of every chain edge [edge, channel], and how far the farther one is from
    the head. Chains walk through the domain from the channel's start."""
    domain = np.repeat(np.arange(comm.domains), comm.domain_sizes - 1)
    step = np.arange(len(domain)) - (comm.indptr[domain] - domain)
    nearer, farther = (
        np.stack([comm.walk(channel, domain, place) for channel in range(comm.channels)], axis=1)
        for place in (step, step + 1)
    )
    return farther, nearer, step + 1
