"""Slurm's topology.conf for topology/block (23.11 and later): `BlockName=NAME Nodes=HOSTLIST`, then `BlockSizes=`.

A block is a scale-up domain where that spans several nodes (an NVL72 rack of 18 compute trays), else the machines on
common leaf switches. Block sizes are the smallest block and its multiples by powers of two (topology.conf(5)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import replacing
from ..graph import Fabric
from .hostlist import hostlist
from .localities import Group, Localities, localities


def write_slurm_block(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises InputError for a fabric that is not joined."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in _lines(localities(fabric))), encoding="utf-8")


def _lines(near: Localities) -> Iterator[str]:
    for block in blocks(near):
        yield f"BlockName={block.name} Nodes={hostlist(near.names(block))}"
    yield f"BlockSizes={','.join(map(str, block_sizes(blocks(near))))}"


def blocks(near: Localities) -> tuple[Group, ...]:
    """The scale-up domains, else the innermost groups."""
    return near.domains or near.tiers[0]


def block_sizes(found: Sequence[Group]) -> list[int]:
    """The smallest block, and its doubles while they fit the blocks together."""
    base = min(len(block.nodes) for block in found)
    return [base << power for power in range(len(found).bit_length())]
