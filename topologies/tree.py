"""Wiring a tree of one to three tiers over given ports, beside other trees where a fabric is a forest of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.builder import FabricBuilder, numbered
from ..fabric.graph import Ids, NodeKind
from .clos_plan import TreeShape
from .wiring import Wire, hang, join

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class TreeLook:
    """What a tree is made of: the wires to the ports and between switches, columns of every switch (and those in
    which leaves differ), and where it stands.

    `first` is the position of its first port, `number` its place in a forest, part of its switches' names (None:
    alone). `rail` is one number, or one per leaf.
    """

    port_wire: Wire
    wire: Wire
    columns: dict[str, int]
    leaf_columns: dict[str, int] = field(default_factory=dict)
    first: int = 0
    number: int | None = None
    rail: int | Integers = -1
    plane: int = -1


def pod_of_ports(shape: TreeShape) -> Integers | int:
    """The pod of each port; -1 where there is a single one."""
    if len(shape.pods) < 2:
        return -1
    return np.repeat(_pod_of_leaves(shape), shape.leaf_ports)


def plant(builder: FabricBuilder, shape: TreeShape, ports: Ids, look: TreeLook) -> None:
    """Add the switches over `ports`, in the order of their positions, and the cables tier by tier."""
    sizes = np.array(shape.leaf_ports)
    starts = np.cumsum(sizes) - sizes
    pod = _pod_of_leaves(shape) if len(shape.pods) > 1 else -1
    names = _names("leaf", look, np.arange(shape.leaves))
    position = {"level": 1, "first": look.first + starts, "span": sizes}
    leaves = builder.add_nodes(NodeKind.LEAF, names, pod=pod, **position, **look.columns | look.leaf_columns)
    rail = np.broadcast_to(np.asarray(look.rail), leaves.shape)
    hang(builder, ports, np.repeat(leaves, sizes), look.port_wire, np.repeat(rail, sizes), look.plane)
    if shape.leaf_up:
        _roof(builder, shape, leaves, starts, look)


def _roof(builder: FabricBuilder, shape: TreeShape, leaves: Ids, starts: Integers, look: TreeLook) -> None:
    """The second tier, and the core above it."""
    total = sum(shape.leaf_ports)
    pod, member = np.divmod(np.arange(shape.tops), shape.pod_tops)
    pod_start = starts[np.cumsum(shape.pods) - shape.pods]
    pod_span = np.diff(pod_start, append=total)
    position = {"level": 2, "first": look.first + pod_start[pod], "span": pod_span[pod]}
    if shape.top_up:
        names = _names("agg", look, pod, member)
        tops = builder.add_nodes(NodeKind.AGG, names, pod=pod, **position, **look.columns)
    else:
        tops = builder.add_nodes(NodeKind.SPINE, _names("spine", look, member), **position, **look.columns)
    below = tops[_pod_of_leaves(shape) * shape.pod_tops]
    join(builder, leaves, shape.leaf_up, below, shape.pod_tops, look.wire, look.rail, look.plane)
    if shape.top_up:
        plane, number = np.divmod(np.arange(shape.cores), shape.plane_cores)
        names = _names("core", look, plane, number)
        cores = builder.add_nodes(NodeKind.CORE, names, level=3, first=look.first, span=total, **look.columns)
        rail = look.rail if isinstance(look.rail, int) else -1
        above = cores[member * shape.plane_cores]
        join(builder, tops, shape.top_up, above, shape.plane_cores, look.wire, rail, look.plane)


def _pod_of_leaves(shape: TreeShape) -> Integers:
    return np.repeat(np.arange(len(shape.pods)), shape.pods)


def _names(what: str, look: TreeLook, *indices: Integers) -> npt.NDArray[np.bytes_]:
    tree = () if look.number is None else (look.number,)
    return numbered(what + "-{}" * (len(tree) + len(indices)), *tree, *indices)
