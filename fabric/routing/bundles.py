"""Links between switches that carry the same of whatever is sent where traffic splits evenly: one stands for all.

Switches without endpoints are of one class if they have the same cables to each class: the coarsest equitable partition
in which every switch with endpoints is alone. All of a class are as far from every goal, and pass on alike. So traffic
that enters and leaves at single switches reaches all of a class in equal parts, and loads all links of one kind from
one class to another equally. A pair of leaves with a thousand links on its shortest ways crosses a handful of bundles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Fabric
from .next_hops import NextHops
from .ports import network_ports
from .router import Links, Router, csr
from .switch_graph import Switches, SwitchGraph
from .switched import SwitchedRouter

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bundles:
    """`router` spreads traffic over bundles, each named by its first link, with the fraction that crosses any of its
    links. Per directed link of the fabric the `first` of its bundle, and of how many `links` that is; a link that is
    in none is its own."""

    router: SwitchedRouter
    first: Links
    links: Ids


def bundled(router: Router) -> Bundles | None:
    """The bundles of a router by shortest ways; None where there are none to speak of."""
    if not isinstance(router, SwitchedRouter) or not isinstance(router.hops, NextHops):
        return None
    hops, fabric = router.hops, router.fabric
    if hops.graph.ordered:
        return None
    ends = np.unique(hops.graph.number[network_ports(fabric).switch])
    group = _classes(fabric, hops.graph, ends)
    if group.max(initial=-1) + 1 == hops.graph.switches:
        return None
    graph, first, links = _quotient(fabric, hops.graph, group)
    return Bundles(replace(router, hops=NextHops(graph, weighted=hops.weighted)), first, links)


def numbered_rows(*columns: npt.NDArray[Any]) -> Ids:
    """Equal rows have equal numbers, in sorted order."""
    number = np.zeros(len(columns[0]), dtype=np.int64)
    for values in columns:
        found = np.unique(values, return_inverse=True)[1]
        number = np.unique(number * (found.max(initial=0) + 1) + found, return_inverse=True)[1]
    return number


def _kinds(fabric: Fabric, graph: SwitchGraph) -> Ids:
    """Links of `graph` by rate and latency, both ways."""
    columns = fabric.capacity_bps, fabric.latency_ns
    return numbered_rows(*(values[way] for way in (graph.links, graph.links ^ 1) for values in columns))


def _classes(fabric: Fabric, graph: SwitchGraph, ends: Switches) -> Ids:
    """The class of each switch; those of `ends` are alone."""
    inner = np.setdiff1d(np.arange(graph.switches), ends)
    counts = np.diff(graph.indptr)[inner]
    owner = np.repeat(np.arange(len(inner)), counts)
    place = np.arange(len(owner)) - csr(counts)[owner]
    cable = graph.indptr[inner][owner] + place
    kind = _kinds(fabric, graph)[cable]
    colour = np.empty(graph.switches, dtype=np.int64)
    colour[ends] = np.arange(len(ends))
    colour[inner] = len(ends) + np.unique(graph.group[inner], return_inverse=True)[1]
    seen = np.full((len(inner), counts.max(initial=0)), -1)
    while True:
        seen[owner, place] = kind * graph.switches + colour[graph.far[cable]]
        rows = np.column_stack((colour[inner], np.sort(seen, axis=1)))
        split = len(ends) + np.unique(rows, axis=0, return_inverse=True)[1].ravel()
        if split.max(initial=0) == colour[inner].max(initial=0):
            return colour
        colour[inner] = split


def _quotient(fabric: Fabric, graph: SwitchGraph, group: Ids) -> tuple[SwitchGraph, Links, Ids]:
    """The graph of classes, with a link per bundle; and per link of the fabric its bundle's first and size."""
    source, target = (group[end] for end in graph.ends)
    bundle = numbered_rows(source, target, _kinds(fabric, graph))
    _, at, size = np.unique(bundle, return_index=True, return_counts=True)
    least = np.full(len(at), fabric.links, dtype=np.int32)
    np.minimum.at(least, bundle, graph.links)
    members = np.bincount(group)
    first, links = np.arange(fabric.links, dtype=np.int32), np.ones(fabric.links, dtype=np.int64)
    first[graph.links], links[graph.links] = least[bundle], size[bundle]
    counts = np.bincount(source[at], minlength=len(members))
    _, member = np.unique(group, return_index=True)
    quotient = graph._replace(
        indptr=csr(counts),
        links=least,
        far=target[at].astype(np.int32),
        number=np.where(graph.number >= 0, group[graph.number], -1).astype(np.int32),
        group=graph.group[member],
        rising=np.zeros(len(at), dtype=np.bool_),
        parallel=size / members[source[at]],
        most_ports=int(counts.max(initial=0)),
    )
    return quotient, first, links
