"""Slurm's topology.yaml (25.05 and later, topology.yaml(5)): the tree as the cluster's default, and the blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..files import replacing
from ..graph import Fabric
from .hostlist import hostlist
from .localities import Localities, localities
from .slurm_block import block_sizes, blocks
from .slurm_tree import leaves, uppers


def write_slurm_yaml(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises InputError for a fabric that is not joined."""
    near = localities(fabric)
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in (*_tree(near), *_blocks(near))), encoding="utf-8")


def _tree(near: Localities) -> Iterator[str]:
    yield from ("- topology: tree", "  cluster_default: true", "  tree:", "    switches:")
    for group, names in leaves(near):
        yield from (f"    - switch: {group.name}", f"      nodes: {hostlist(names)}")
    for group, names in uppers(near):
        yield from (f"    - switch: {group.name}", f"      children: {hostlist(names)}")


def _blocks(near: Localities) -> Iterator[str]:
    yield from ("- topology: block", "  cluster_default: false", "  block:", "    block_sizes:")
    yield from (f"    - {size}" for size in block_sizes(blocks(near)))
    yield "    blocks:"
    for block in blocks(near):
        yield from (f"    - block: {block.name}", f"      nodes: {hostlist(near.names(block))}")
