"""Dragonflies as their groups: who belongs to which, and which links cross."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from .switch_graph import SwitchGraph, switch_graph

FAMILIES = ("dragonfly", "dragonfly_plus")


class Groups(NamedTuple):
    """The graph with its groups, and whether each directed link of the fabric leads from one group to another."""

    graph: SwitchGraph
    crosses: npt.NDArray[np.bool_]


def has_groups(fabric: Fabric) -> bool:
    """Whether the fabric is of groups that are joined by global links: its column `coord0` names them."""
    return fabric.meta.get("family") in FAMILIES and "coord0" in fabric.columns


def groups(fabric: Fabric) -> Groups:
    """The groups of a dragonfly."""
    group = fabric.column("coord0")
    graph = switch_graph(fabric)
    crosses = group[fabric.link_source] != group[fabric.link_target]
    return Groups(graph.grouped(group[graph.number >= 0]), crosses)
