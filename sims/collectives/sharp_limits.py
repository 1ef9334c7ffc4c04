"""What aggregation in switches is limited by.

Trees: so many in a subnet, and one at a time per switch (Quantum) or per port (Quantum-2), for data that streams
through them (NVIDIA SHARP 3.13, "Capabilities and Limitations"; figures in the catalogue). A job holds its trees as
long as it lives, and one that gets none runs without. Switches of which nothing is published are not limited.

Messages: those above 16 KiB stream, at most 32 bytes less than 1 GiB in an operation (SHARP 2.6.1, "Collective
Library"; the threshold is in openucx/ucc, tl_sharp). Smaller ones go through the tree as 1 KiB in each of the group's
outstanding operations, of which it has 8 (the quota that libsharp reports in NVIDIA/nccl issue 1460).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...fabric.catalogue import catalogue
from ...fabric.graph import Fabric
from ..network import Network
from .aggregation_tree import AggregationTree

STREAM_FROM_BYTES, STREAM_MOST_BYTES = 16 * 1024, 2**30 - 32
OUTSTANDING, OUTSTANDING_BYTES = 8, 1024


def operation_bytes(message_bytes: float) -> int:
    """The most that one operation takes of a message of this size."""
    return STREAM_MOST_BYTES if message_bytes > STREAM_FROM_BYTES else OUTSTANDING * OUTSTANDING_BYTES


def refused_trees(network: Network, trees: Sequence[AggregationTree]) -> str:
    """Why the switches do not serve these trees at once, or nothing."""
    fabric = network.fabric
    links = [np.unique(np.concatenate(tree.links)) for tree in trees]
    for number, device in enumerate(fabric.meta.get("devices", ())):
        known = catalogue().switches.get(device)
        if known is None or known.sharp_trees is None or known.sharp_one_tree_per is None:
            continue
        if len(trees) > known.sharp_trees.value:
            return f"a subnet of {device} has at most {known.sharp_trees.value} trees, here are {len(trees)}"
        per = known.sharp_one_tree_per.value
        served = fabric.column("device") == number
        places = np.concatenate([(_switches if per == "switch" else _ports)(fabric, up, served) for up in links])
        met = np.bincount(places, minlength=1)
        if met.max() > 1:
            worst = int(np.argmax(met))
            name = fabric.label(worst) if per == "switch" else fabric.link_label(worst)
            return f"a {per} of {device} serves one tree at a time, and {met.max()} of {len(trees)} meet at {name}"
    return ""


def _switches(fabric: Fabric, up: npt.NDArray[np.int32], served: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Nodes of a kind that these links end at."""
    ends = np.unique(fabric.link_target[up])
    return ends[served[ends]]


def _ports(fabric: Fabric, up: npt.NDArray[np.int32], served: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Those of the links that have an end among nodes of a kind: each is a port of it."""
    return up[served[fabric.link_source[up]] | served[fabric.link_target[up]]]
