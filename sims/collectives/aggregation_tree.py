"""A tree of switches over some ranks, in which a network can sum and multicast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import RoutingError
from ...fabric.graph import SWITCH_KINDS
from ...fabric.routing import Paths
from ..network import Network
from .communicator import Communicator, Ranks
from .schedule import Indices

Links = npt.NDArray[np.int32]


def unreached(network: Network, comm: Communicator, does: str) -> str:
    """Why no tree of InfiniBand's switches spans these ranks, or nothing; `does`: what the switches shall do."""
    if network.carrier.name != "infiniband":
        return f"only InfiniBand's switches {does}, the transport is {network.carrier.name}"
    if comm.domains == 1 and comm.size > 1:
        return "the ranks are in one scale-up domain"
    if (np.diff(network.ports.indptr)[comm.ranks] == 0).any() or network.fabric.meta.get("hosts_forward"):
        return "not every rank is cabled to a switch"
    return ""


def both_ways(up: Sequence[Links]) -> Paths:
    """Every edge's links up, then every edge's links down."""
    down = [np.flip(links) ^ 1 for links in up]
    hops = np.array([len(links) for links in (*up, *down)])
    return Paths(np.concatenate(([0], np.cumsum(hops))), np.concatenate((*up, *down)).astype(np.int32))


@dataclass(frozen=True)
class AggregationTree:
    """Edges towards the root, those of the ranks first. Per edge: `links` up, `leaf` (number of the rank below, -1 for
    a switch) and `height`: how many edges come before it on the longest way up to it."""

    links: tuple[Links, ...]
    leaf: Indices
    height: Indices


def aggregation_tree(network: Network, ranks: Ranks, number: int) -> AggregationTree:
    """Shortest paths to a switch that is as near to all as any; where several are, `number` says which, and over which
    of parallel cables, so that trees spread. Raises RoutingError if no switch reaches all."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, dijkstra

    fabric, ports = network.fabric, network.ports
    entry = ports.indptr[ranks]
    homes = np.unique(ports.switch[entry].astype(np.int64))
    is_switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    between = np.flatnonzero(is_switch[fabric.link_source] & is_switch[fabric.link_target])
    ends = fabric.link_source[between], fabric.link_target[between]
    graph = csr_array((np.ones(len(between)), ends), shape=(fabric.nodes, fabric.nodes))
    farthest = dijkstra(graph, indices=homes, unweighted=True).max(axis=0)
    if not np.isfinite(farthest).any():
        name = fabric.label(int(fabric.endpoints[ranks[0]]))
        raise RoutingError(f"no switch reaches {name} and all the others", "cable them together")
    nearest = np.flatnonzero(farthest == farthest.min())
    root = int(nearest[number % len(nearest)])
    above = breadth_first_order(graph, root)[1].astype(np.int64)
    cables = _cables(network, between, number // len(nearest))
    return _tree(network, entry, homes, above, root, cables)


def _cables(network: Network, between: Indices, turn: int) -> dict[tuple[int, int], int]:
    """One of the cables from each switch to each neighbour: trees with one root take turns."""
    fabric, parallel = network.fabric, defaultdict[tuple[int, int], list[int]](list)
    for link in between.tolist():
        parallel[int(fabric.link_source[link]), int(fabric.link_target[link])].append(link)
    return {ends: links[turn % len(links)] for ends, links in parallel.items()}


def _tree(
    network: Network, entry: Indices, homes: Indices, above: Indices, root: int, cables: dict[tuple[int, int], int]
) -> AggregationTree:
    """The paths from the switches `homes` up to the root, and the ranks' own links to their homes."""
    ports = network.ports
    height = {int(switch): 1 for switch in homes}
    for switch in homes.tolist():
        below = switch
        while below != root:
            parent = int(above[below])
            height[parent] = max(height.get(parent, 0), height[below] + 1)
            below = parent
    inner = sorted((switch for switch in height if switch != root), key=lambda switch: (height[switch], switch))
    own = [np.array([link for link in (ports.bus_link[at], ports.link[at]) if link >= 0]) for at in entry]
    up = [np.array([cables[switch, int(above[switch])]]) for switch in inner]
    return AggregationTree(
        tuple(links.astype(np.int32) for links in (*own, *up)),
        np.concatenate((np.arange(len(entry)), np.full(len(inner), -1))),
        np.concatenate((np.zeros(len(entry)), [height[switch] for switch in inner])).astype(np.int64),
    )
