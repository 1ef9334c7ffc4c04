"""How fast groups of ranks can send and receive over their borders: ranks, scale-up domains, and what is below the
switches of each tier."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric, LinkKind
from ..network import Network
from .communicator import Communicator
from .schedule import Floats, Indices, listed


def border_bps(network: Network, comm: Communicator, group: Indices, way: int) -> Floats:
    """Line rate at which each group's ranks can send (`way` 0) or receive (1): over their own cables to the network,
    through their NICs, each no faster than its bus, and over scale-up links where the groups are single ranks."""
    fabric, ports = network.fabric, network.ports
    single_ranks = group.max() + 1 == comm.size
    leaving = fabric.link_kind != LinkKind.PCIE if single_ranks else fabric.link_kind == LinkKind.NETWORK
    member = np.full(fabric.nodes, -1)
    member[fabric.endpoints[comm.ranks]] = group
    own = np.flatnonzero(leaving & (member[fabric.link_source] >= 0))
    border = np.bincount(
        member[fabric.link_source[own]], weights=fabric.capacity_bps[own ^ way], minlength=group.max() + 1
    )
    owner, step = listed(np.diff(ports.indptr)[comm.ranks])
    entry = ports.indptr[comm.ranks][owner] + step
    behind = ports.bus_link[entry] >= 0
    entry, owner = entry[behind], owner[behind]
    nic, nic_of = np.unique(group[owner] * fabric.nodes + ports.node[entry], return_inverse=True)
    rates = (
        _once_each(nic_of, links[entry] ^ way, fabric.capacity_bps, len(nic)) for links in (ports.bus_link, ports.link)
    )
    through_nics = np.bincount(nic // fabric.nodes, weights=np.minimum(*rates), minlength=len(border))
    return (border + through_nics).astype(np.float64)


def _once_each(owner: Indices, links: npt.NDArray[np.int32], capacity_bps: Floats, count: int) -> Floats:
    """Capacity of each owner's links, a link listed twice counted once."""
    # np.unique would hash, which is slower here than a sort.
    pairs = np.sort(owner * len(capacity_bps) + links)
    owner, link = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], len(capacity_bps))
    return np.bincount(owner, weights=capacity_bps[link], minlength=count).astype(np.float64)


def tier_borders(network: Network, comm: Communicator) -> Iterator[tuple[Indices, tuple[Floats, Floats]]]:
    """For every tier of switches: which group each rank is in, and what the links out of and into the groups carry.

    A group is everything below one switch, or one pod of switches: any division of the nodes makes a true bound.
    """
    fabric = network.fabric
    for label in _tiers(network):
        groups, group = np.unique(label[fabric.endpoints[comm.ranks]], return_inverse=True)
        if groups[0] < 0 or len(groups) == 1:
            continue
        number = np.full(int(label.max()) + 2, -1)
        number[groups] = np.arange(len(groups))
        source, target = number[label[fabric.link_source]], number[label[fabric.link_target]]
        crossing = source != target
        rates = (
            np.bincount(end[there], weights=fabric.capacity_bps[there], minlength=len(groups)).astype(np.float64)
            for end in (source, target)
            for there in [crossing & (end >= 0)]
        )
        yield group.ravel(), (next(rates), next(rates))


def _tiers(network: Network) -> Iterator[Indices]:
    """Labels of nodes, -1 for those above: by first switch, then by what the switches of each higher level cover."""
    fabric, ports = network.fabric, network.ports
    has_port = np.diff(ports.indptr) > 0
    first = ports.indptr[:-1][has_port]
    switch = np.full(fabric.nodes, -1)
    switch[ports.switch] = ports.switch
    switch[ports.node] = ports.switch
    home = np.full(fabric.nodes, -1)
    home[fabric.endpoints[has_port]] = ports.node[first]
    yield np.where(home >= 0, switch[home], switch)
    if "first" in fabric.columns:
        yield from _pods(fabric, home)


def _pods(fabric: Fabric, home: Indices) -> Iterator[Indices]:
    """Per level of a tree but the lowest and the top, the number of the pod that each node is in."""
    level, first = fabric.column("level"), fabric.column("first")
    for height in range(2, int(level.max())):
        begins = np.unique(first[level == height])
        pod = np.where((level >= 0) & (level <= height), np.searchsorted(begins, first, side="right") - 1, -1)
        yield np.where(home >= 0, pod[home], pod)
