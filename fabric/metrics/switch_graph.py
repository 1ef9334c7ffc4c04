"""The switches of a fabric on their own: which are joined, by how much, and what hangs on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, Ids, LinkKind, NodeKind

_USERS = (NodeKind.ACCELERATOR, NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE)


@dataclass(frozen=True, eq=False)
class SwitchGraph:
    """Switches by dense number, in the order of their node ids.

    `node` int32[n]: node id. CSR over ordered pairs of joined switches: `indptr` int64[n+1], `neighbour` int32[m],
    `capacity_bps` float64[m] and `cables` int64[m] of all parallel cables together. Per port of a host, adapter or
    accelerator on a switch, `port_link` int32[p]: the link up, and `port_switch` int32[p]: the switch's number.
    """

    node: Ids
    indptr: npt.NDArray[np.int64]
    neighbour: Ids
    capacity_bps: npt.NDArray[np.float64]
    cables: npt.NDArray[np.int64]
    port_link: Ids
    port_switch: Ids

    @property
    def size(self) -> int:
        return len(self.node)

    @property
    def ports(self) -> npt.NDArray[np.int64]:
        """Ports of hosts, adapters and accelerators on each switch."""
        return np.bincount(self.port_switch, minlength=self.size)

    @property
    def source(self) -> Ids:
        """The switch each entry of `neighbour` belongs to."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.indptr))


def switch_graph(fabric: Fabric) -> SwitchGraph:
    """The switch graph of a fabric's network; reduction units inside switches and NVSwitches are left out."""
    kind, source, target = fabric.node_kind, fabric.link_source, fabric.link_target
    node = fabric.of_kind(*SWITCH_KINDS)
    number = np.full(fabric.nodes, -1, dtype=np.int32)
    number[node] = np.arange(len(node))
    network = fabric.link_kind == LinkKind.NETWORK
    trunk = np.flatnonzero(network & (number[source] >= 0) & (number[target] >= 0))
    port = np.flatnonzero(network & np.isin(kind[source], _USERS) & (number[target] >= 0)).astype(np.int32)
    pair = number[source[trunk]].astype(np.int64) * len(node) + number[target[trunk]]
    pairs, place = np.unique(pair, return_inverse=True)
    lower = pairs // max(1, len(node))
    return SwitchGraph(
        node=node,
        indptr=np.r_[0, np.cumsum(np.bincount(lower, minlength=len(node)))].astype(np.int64),
        neighbour=(pairs % max(1, len(node))).astype(np.int32),
        capacity_bps=np.bincount(place, weights=fabric.capacity_bps[trunk], minlength=len(pairs)),
        cables=np.bincount(place, minlength=len(pairs)),
        port_link=port,
        port_switch=number[target[port]],
    )


def components(graph: SwitchGraph) -> npt.NDArray[np.int32]:
    """The connected part each switch belongs to."""
    from scipy.sparse.csgraph import connected_components

    _, part = connected_components(adjacency(graph), directed=False)
    return part


def adjacency(graph: SwitchGraph) -> Any:
    """The capacities between switches in bit/s, as a scipy CSR array."""
    from scipy.sparse import csr_array

    return csr_array((graph.capacity_bps, graph.neighbour, graph.indptr), shape=(graph.size, graph.size))
