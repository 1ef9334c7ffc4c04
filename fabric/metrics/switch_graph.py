"""What forwards in a fabric, on its own: which switches are joined, by how much, and what hangs on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, Ids, LinkKind, NodeKind
from ..routing.ports import domains

_USERS = (NodeKind.ACCELERATOR, NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE)


@dataclass(frozen=True, eq=False)
class SwitchGraph:
    """Switches - and hosts, where they forward for others - by dense number, in the order of their node ids.

    `node` int32[n]: node id. CSR over ordered pairs of joined switches: `indptr` int64[n+1], `neighbour` int32[m],
    `capacity_bps` float64[m] and `cables` int64[m] of all parallel cables together. Users' ports on switches:
    `port_owner` int32[p] (node id of a host, adapter or accelerator), `port_switch` int32[p] (a number), `port_up_bps`
    and `port_down_bps` float64[p]. A host that forwards is its own switch, by a port of all its cables' rate.
    """

    node: Ids
    indptr: npt.NDArray[np.int64]
    neighbour: Ids
    capacity_bps: npt.NDArray[np.float64]
    cables: npt.NDArray[np.int64]
    port_owner: Ids
    port_switch: Ids
    port_up_bps: npt.NDArray[np.float64]
    port_down_bps: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        return len(self.node)

    @property
    def ports(self) -> npt.NDArray[np.int64]:
        """Users' ports on each switch."""
        return np.bincount(self.port_switch, minlength=self.size)

    @property
    def source(self) -> Ids:
        """The switch each entry of `neighbour` belongs to."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.indptr))

    @property
    def injected_bps(self) -> float:
        """What all users together can send."""
        return float(self.port_up_bps.sum())


def switch_graph(fabric: Fabric, alive: npt.NDArray[np.bool_] | None = None) -> SwitchGraph:
    """The switch graph of a fabric's network, of those cables (bool[cables]) that are `alive`.

    NVSwitches and the reduction units inside switches are left out.
    """
    forwards = forwarding(fabric)
    node = np.flatnonzero(forwards).astype(np.int32)
    number = np.full(fabric.nodes, -1, dtype=np.int32)
    number[node] = np.arange(len(node))
    source, target = fabric.link_source, fabric.link_target
    network = fabric.link_kind == LinkKind.NETWORK
    if alive is not None:
        network = network & np.repeat(alive, 2)
    trunk = np.flatnonzero(network & forwards[source] & forwards[target])
    pair = number[source[trunk]].astype(np.int64) * len(node) + number[target[trunk]]
    pairs, place = np.unique(pair, return_inverse=True)
    counts = np.bincount(pairs // max(1, len(node)), minlength=len(node))
    up = np.flatnonzero(network & np.isin(fabric.node_kind, _USERS)[source] & ~forwards[source] & forwards[target])
    own = np.flatnonzero(forwards & np.isin(fabric.node_kind, _USERS)).astype(np.int32)
    own_bps = np.bincount(source[network], weights=fabric.capacity_bps[network], minlength=fabric.nodes)[own]
    return SwitchGraph(
        node=node,
        indptr=np.r_[0, np.cumsum(counts)].astype(np.int64),
        neighbour=(pairs % max(1, len(node))).astype(np.int32),
        capacity_bps=np.bincount(place, weights=fabric.capacity_bps[trunk], minlength=len(pairs)).astype(np.float64),
        cables=np.bincount(place, minlength=len(pairs)),
        port_owner=np.concatenate((source[up], own)),
        port_switch=number[np.concatenate((target[up], own))],
        port_up_bps=np.concatenate((fabric.capacity_bps[up], own_bps)),
        port_down_bps=np.concatenate((fabric.capacity_bps[up ^ 1], own_bps)),
    )


def forwarding(fabric: Fabric) -> npt.NDArray[np.bool_]:
    """Which nodes pass on traffic of others."""
    kinds = (*SWITCH_KINDS, NodeKind.HOST) if fabric.meta.get("hosts_forward") else SWITCH_KINDS
    return np.isin(fabric.node_kind, kinds)


def adjacency(graph: SwitchGraph, values: npt.NDArray[Any]) -> Any:
    """One of the graph's arrays over pairs of switches, as a scipy CSR array."""
    from scipy.sparse import csr_array

    return csr_array((values, graph.neighbour, graph.indptr), shape=(graph.size, graph.size))


def owners(fabric: Fabric) -> npt.NDArray[np.int64]:
    """Who speaks for each node on the network: its scale-up domain where that has accelerators, else itself."""
    server = domains(fabric).astype(np.int64)
    with_accelerators = np.unique(server[fabric.node_kind == NodeKind.ACCELERATOR])
    return np.where((server >= 0) & np.isin(server, with_accelerators), fabric.nodes + server, np.arange(fabric.nodes))
