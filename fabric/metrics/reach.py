"""Who still reaches whom.

Servers speak as one on the network - their accelerators share all adapters - and pass nothing on for others: two are
connected where they stand on a common part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from .switch_graph import SwitchGraph, adjacency, owners


@dataclass(frozen=True, eq=False)
class Speakers:
    """`of_node` int64[nodes]: the dense number of what speaks for a node, -1 where that holds no endpoint; `endpoints`
    int64[speakers]: how many endpoints each speaks for."""

    of_node: npt.NDArray[np.int64]
    endpoints: npt.NDArray[np.int64]


def speakers(fabric: Fabric) -> Speakers:
    """The servers and lone nodes that hold the endpoints."""
    owner = owners(fabric)
    names, endpoints = np.unique(owner[fabric.endpoints], return_counts=True)
    place = np.minimum(np.searchsorted(names, owner), max(0, len(names) - 1))
    return Speakers(np.where(names[place] == owner, place, -1), endpoints)


def reach(who: Speakers, graph: SwitchGraph) -> tuple[float, float]:
    """Share of the ordered pairs of endpoints that are connected, and of endpoints on the part that holds most."""
    speaker, part = _standing(who, graph)
    people = np.bincount(part, weights=who.endpoints[speaker], minlength=1).astype(np.int64)
    largest = int(people.argmax())
    inside = np.zeros(len(who.endpoints), dtype=bool)
    inside[speaker[part == largest]] = True
    ranks = int(who.endpoints.sum())
    joined = int(people[largest]) ** 2 + _pairs_outside(who, speaker, part, inside)
    return (joined - ranks) / (ranks * (ranks - 1)), int(people[largest]) / ranks


def _standing(who: Speakers, graph: SwitchGraph) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each (speaker, connected part) once."""
    from scipy.sparse.csgraph import connected_components

    part = connected_components(adjacency(graph, graph.cables), directed=False)[1]
    pairs = np.column_stack((who.of_node[graph.port_owner], part[graph.port_switch])).astype(np.int64)
    pairs = np.unique(pairs[pairs[:, 0] >= 0], axis=0)
    return pairs[:, 0], pairs[:, 1]


def _pairs_outside(
    who: Speakers, speaker: npt.NDArray[np.int64], part: npt.NDArray[np.int64], inside: npt.NDArray[np.bool_]
) -> int:
    """Connected ordered pairs of endpoints, themselves included, that are not both on the largest part."""
    from scipy.sparse import csr_array

    # Each speaker is on a part of its own besides, which joins its endpoints whatever has failed.
    everyone = np.arange(len(who.endpoints))
    row = np.concatenate((speaker, everyone))
    column = np.concatenate((part, part.max(initial=0) + 1 + everyone))
    on: Any = csr_array((np.ones(len(row), dtype=np.int64), (row, column)))
    meets = (on[~inside] @ on.T).tocoo()
    here, there = np.flatnonzero(~inside)[meets.coords[0]], meets.coords[1]
    times = np.where(inside[there], 2, 1)
    return int((who.endpoints[here] * who.endpoints[there] * times).sum())
