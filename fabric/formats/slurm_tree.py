"""Slurm's topology.conf for topology/tree: `SwitchName=NAME Nodes=HOSTLIST` and `SwitchName=NAME Switches=HOSTLIST`.

Slurm wants one tree (topology.conf(5)), so each group of machines is one logical switch; see `localities`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..files import replacing
from ..graph import Fabric
from .hostlist import hostlist
from .localities import Group, Localities, localities


def write_slurm_tree(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises InputError for a fabric that is not joined."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in _lines(localities(fabric))), encoding="utf-8")


def _lines(near: Localities) -> Iterator[str]:
    for group, names in leaves(near):
        yield f"SwitchName={group.name} Nodes={hostlist(names)}"
    for group, names in uppers(near):
        yield f"SwitchName={group.name} Switches={hostlist(names)}"


def leaves(near: Localities) -> Iterator[tuple[Group, list[str]]]:
    """The innermost groups, and the names of their nodes."""
    return ((group, near.names(group)) for group in near.tiers[0])


def uppers(near: Localities) -> Iterator[tuple[Group, list[str]]]:
    """The groups of the other tiers, and the names of those directly inside."""
    for inner, outer in zip(near.tiers, near.tiers[1:], strict=False):
        inside: dict[int, list[str]] = {}
        owner = {int(node): number for number, group in enumerate(outer) for node in group.nodes}
        for group in inner:
            inside.setdefault(owner[int(group.nodes[0])], []).append(group.name)
        for number, group in enumerate(outer):
            yield group, inside[number]
