"""Forwarding tables: at every switch, the port towards every address, as a static routing programs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import Fault, RoutingError
from ..graph import Fabric, LinkKind
from .next_hops import NextHops
from .ports import Ports
from .router import Links, Pairs, Paths
from .switch_graph import SwitchGraph, switch_graph
from .switched import SwitchedRouter

_AT_ONCE = 1 << 21
"""Paths asked for at a time."""


class Addresses(NamedTuple):
    """What traffic can be sent to, in the order of the nodes and their ports: `node`, and the `link` by which an
    adapter's port is cabled to its switch; -1 for a switch, which has one address for all its ports."""

    node: npt.NDArray[np.int32]
    link: Links


@dataclass(frozen=True, eq=False)
class ForwardingTables:
    """`links[switch, address]`: the directed link by which compact switch number `switch` of `graph` forwards to
    address number `address`; -1 where it does not, and for its own address."""

    graph: SwitchGraph
    addresses: Addresses
    links: npt.NDArray[np.int32]

    @property
    def switches(self) -> npt.NDArray[np.int32]:
        """Node of each compact switch number."""
        return np.flatnonzero(self.graph.number >= 0).astype(np.int32)


def addresses(fabric: Fabric, graph: SwitchGraph) -> Addresses:
    """Every switch, and every port of anything else that is cabled to one."""
    switch = graph.number >= 0
    network = fabric.link_kind == LinkKind.NETWORK
    ports = np.flatnonzero(network & ~switch[fabric.link_source] & switch[fabric.link_target])
    node = np.concatenate((np.flatnonzero(switch), fabric.link_source[ports])).astype(np.int32)
    link = np.concatenate((np.full(int(switch.sum()), -1), ports)).astype(np.int32)
    order = np.lexsort((np.where(link < 0, 0, fabric.port[link]), node))
    return Addresses(node[order], link[order])


def forwarding_tables(router: SwitchedRouter) -> ForwardingTables:
    """The tables by which switches forward as `router` does; where no rank's traffic passes, the nearest way.

    Raises RoutingError when the router sends traffic for one destination over several ports of one switch, and for
    pairs without a path.
    """
    fabric = router.fabric
    if fabric.meta.get("hosts_forward"):
        raise RoutingError(Fault("hosts forward here, and have no tables", "choose a fabric of switches"))
    graph = switch_graph(fabric)
    known = addresses(fabric, graph)
    home = np.where(known.link < 0, known.node, fabric.link_target[known.link])
    nearest = _nearest(graph)
    links = nearest[:, graph.number[home]]
    adapters = np.flatnonzero(known.link >= 0)
    links[graph.number[home[adapters]], adapters] = known.link[adapters] ^ 1
    address_of = np.full(fabric.links, -1, dtype=np.int64)
    address_of[known.link[adapters]] = adapters
    ports = router.ports
    chosen = np.full_like(links, -1)
    switches, senders = np.unique(ports.switch, return_index=True)
    receivers = max(1, _AT_ONCE // max(1, len(switches)))
    for first in range(0, len(ports.link), receivers):
        block = np.arange(first, min(first + receivers, len(ports.link)))
        sender, receiver = (axis.ravel() for axis in np.meshgrid(senders, block))
        paths = _between(router, ports, sender, receiver)
        _enter(fabric, graph, chosen, paths, address_of[ports.link[receiver]])
    return ForwardingTables(graph, known, np.where(chosen >= 0, chosen, links))


def _between(
    router: SwitchedRouter, ports: Ports, sender: npt.NDArray[np.int64], receiver: npt.NDArray[np.int64]
) -> Paths:
    """The switch-to-switch part of the path from port to port. Raises RoutingError where there is none."""
    rank = np.repeat(np.arange(len(ports.indptr) - 1, dtype=np.int32), np.diff(ports.indptr))
    entropy = np.zeros(len(sender), dtype=np.uint64)
    pairs = Pairs(rank[sender], rank[receiver], entropy, sender, receiver)
    paths, reached = router.hops.paths(router.rule, pairs, ports)
    if not reached.all():
        lost = int(np.flatnonzero(~reached)[0])
        ends = (router.fabric.label(int(ports.node[side[lost]])) for side in (sender, receiver))
        raise RoutingError(Fault(f"no path from {' to '.join(ends)}", "cable them to one network"))
    return paths


def _enter(
    fabric: Fabric, graph: SwitchGraph, chosen: npt.NDArray[np.int32], paths: Paths, address: npt.NDArray[np.int64]
) -> None:
    """Enter each hop of `paths`, path i to `address[i]`, into table `chosen`. Raises RoutingError where two differ."""
    switch = graph.number[fabric.link_source[paths.links]]
    towards = np.repeat(address, np.diff(paths.indptr))
    chosen[switch, towards] = paths.links
    twice = np.flatnonzero(chosen[switch, towards] != paths.links)
    if len(twice):
        here = fabric.label(int(fabric.link_source[paths.links[twice[0]]]))
        message = f"{here} has several ways to one destination, a forwarding table holds one"
        raise RoutingError(Fault(message, "use a rule that sees the destination alone: d-mod-k, updn, dor, minimal"))


def _nearest(graph: SwitchGraph) -> npt.NDArray[np.int32]:
    """Link of each switch (row) towards each switch (column) over the fewest hops, the lowest port of those; -1 where
    there is none."""
    ways = NextHops(graph)
    hops = ways.goals(ways.to_switches(np.arange(graph.switches, dtype=np.int32))[0]).hops.T
    source, target = graph.ends
    nearest = np.full((graph.switches, graph.switches), -1, dtype=np.int32)
    for k in reversed(range(len(graph.links))):
        nearer = hops[target[k]] == hops[source[k]] - 1
        nearer &= hops[target[k]] >= 0
        nearest[source[k], nearer] = graph.links[k]
    return nearest
