"""What lies between some ranks, as a small matrix of capacities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Network
from .communicator import Communicator
from .schedule import Floats, Indices

_CLOSE = 1e-9


@dataclass(frozen=True)
class Wiring:
    """Nodes, ranks first: `capacity_bps[u, v]` is that of the links `cables[u, v]` together, `alone_bps` that of each
    link of the fabric."""

    capacity_bps: Floats
    cables: dict[tuple[int, int], list[int]]
    alone_bps: Floats

    def units(self, unit_bps: float) -> Indices:
        """Whole units that the links carry, parallel links each for itself."""
        units = np.zeros(self.capacity_bps.shape, dtype=np.int64)
        for edge, links in self.unit_links(unit_bps).items():
            units[edge] = len(links)
        return units

    def unit_links(self, unit_bps: float) -> dict[tuple[int, int], list[int]]:
        """The link of each unit between two nodes."""
        return {
            edge: [link for link in cables for _ in range(int(self.alone_bps[link] / unit_bps * (1 + _CLOSE)))]
            for edge, cables in self.cables.items()
        }

    def unfit(self) -> str:
        """Why trees cannot be packed, or nothing."""
        alike = np.array_equal(self.capacity_bps, self.capacity_bps.T)
        return "" if alike else "a cable is not equally fast both ways"


def nodes_between(network: Network, comm: Communicator) -> Indices:
    """The ranks, then every node that can pass something on between them: not other ranks, not dead ends."""
    fabric = network.fabric
    ranks = fabric.endpoints[comm.ranks].astype(np.int64)
    forwards = np.ones(fabric.nodes, dtype=bool)
    forwards[fabric.endpoints] = False
    forwards[ranks] = True
    kept = _without_dead_ends(fabric.link_source, fabric.link_target, forwards, ranks)
    return np.concatenate((ranks, np.setdiff1d(np.flatnonzero(kept), ranks)))


def wiring(network: Network, comm: Communicator, capacity_bps: Floats) -> Wiring:
    """The capacities between `nodes_between`, where those of all links are given."""
    fabric, nodes = network.fabric, nodes_between(network, comm)
    number = np.full(fabric.nodes, -1)
    number[nodes] = np.arange(len(nodes))
    source, target = number[fabric.link_source], number[fabric.link_target]
    inside = np.flatnonzero((source >= 0) & (target >= 0))
    capacity = np.zeros((len(nodes), len(nodes)))
    np.add.at(capacity, (source[inside], target[inside]), capacity_bps[inside])
    cables: dict[tuple[int, int], list[int]] = {}
    for link in inside.tolist():
        cables.setdefault((int(source[link]), int(target[link])), []).append(link)
    return Wiring(capacity, cables, capacity_bps)


def _without_dead_ends(
    source: npt.NDArray[np.int32], target: npt.NDArray[np.int32], kept: npt.NDArray[np.bool_], ranks: Indices
) -> npt.NDArray[np.bool_]:
    """Nodes with one neighbour or none lead nowhere, unless they are ranks."""
    while True:
        degree = np.bincount(source[kept[source] & kept[target]], minlength=len(kept))
        dead = kept & (degree < 2)
        dead[ranks] = False
        if not dead.any():
            return kept
        kept = kept & ~dead
