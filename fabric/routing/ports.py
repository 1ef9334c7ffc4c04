"""How each rank reaches the two networks it stands on: its scale-up domain and the switched network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..facts import fact
from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from .router import Indptr, Links, Ranks, csr


@dataclass(frozen=True)
class ScaleUp:
    """Links of each rank to the NVSwitches of its rack, as CSR by rank, ascending by NVSwitch.

    `links` lead up, `links ^ 1` back down; `widths` counts the physical links in each bundle. `domain[rank]` is -1 for
    a rank without NVSwitches. `tiered`: other NVSwitches join some of these, so that a domain is of several racks.
    """

    indptr: Indptr
    links: Links
    widths: npt.NDArray[np.int16]
    domain: npt.NDArray[np.int32]
    tiered: bool = False


@fact
def scale_up(fabric: Fabric) -> ScaleUp:
    """The scale-up links of every rank."""
    up = np.flatnonzero(
        (fabric.link_kind == LinkKind.NVLINK) & (fabric.node_kind[fabric.link_target] == NodeKind.NVSWITCH)
    )
    rank = _rank_of_node(fabric)[fabric.link_source[up]]
    up, rank = up[rank >= 0], rank[rank >= 0]
    links = up[np.lexsort((fabric.link_target[up], rank))].astype(np.int32)
    counts = np.bincount(rank, minlength=fabric.ranks)
    domain = np.where(counts > 0, domains(fabric)[fabric.endpoints], -1).astype(np.int32)
    return ScaleUp(csr(counts), links, fabric.width[links], domain, bool(_between_nvswitches(fabric).any()))


@fact
def domains(fabric: Fabric) -> npt.NDArray[np.int32]:
    """The scale-up domain of each node: its server or rack, or the first of the racks that NVSwitches join; -1 for
    none."""
    server = fabric.column("server")
    between = np.flatnonzero(_between_nvswitches(fabric))
    if not len(between):
        return server
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = fabric.link_source[between], fabric.link_target[between]
    shape = (fabric.nodes, fabric.nodes)
    part = connected_components(coo_array((np.ones(len(between), np.int8), ends), shape), directed=False)[1]
    racks = np.flatnonzero((fabric.node_kind == NodeKind.NVSWITCH) & (server >= 0))
    first = np.full(fabric.nodes, fabric.nodes)
    np.minimum.at(first, part[racks], server[racks])
    whole = np.arange(server.max(initial=-1) + 1)
    np.minimum.at(whole, server[racks], first[part[racks]])
    return np.where(server >= 0, whole[server], -1).astype(np.int32)


def _between_nvswitches(fabric: Fabric) -> npt.NDArray[np.bool_]:
    nvswitch = fabric.node_kind == NodeKind.NVSWITCH
    return (fabric.link_kind == LinkKind.NVLINK) & nvswitch[fabric.link_source] & nvswitch[fabric.link_target]


def scale_up_ports(fabric: Fabric, found: ScaleUp) -> Ports:
    """The ways of each rank to its NVSwitches, as those into a switched network."""
    none = np.full(len(found.links), -1, dtype=np.int32)
    return Ports(found.indptr, none, found.links, fabric.link_source[found.links], fabric.link_target[found.links])


@dataclass(frozen=True)
class DirectLinks:
    """Scale-up cables from rank to rank, without a switch between them (xGMI), ordered by `ends` = source, target."""

    ends: npt.NDArray[np.int64]
    links: Links

    def between(self, src: Ranks, dst: Ranks) -> tuple[Indptr, Indptr]:
        """Per pair of ranks, the first of its cables in `links`, and how many there are."""
        wanted = src.astype(np.int64) << 32 | dst
        first = np.searchsorted(self.ends, wanted)
        return first, np.searchsorted(self.ends, wanted, side="right") - first


@fact
def direct_links(fabric: Fabric) -> DirectLinks:
    """The cables that join two ranks of one server."""
    rank = _rank_of_node(fabric).astype(np.int64)
    source, target = rank[fabric.link_source], rank[fabric.link_target]
    links = np.flatnonzero(np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI)) & (source >= 0) & (target >= 0))
    ends = source[links] << 32 | target[links]
    order = np.lexsort((fabric.port[links], ends))
    return DirectLinks(ends[order], links[order].astype(np.int32))


class Ports(NamedTuple):
    """The ways of each rank into the switched network, as CSR by rank: one entry per network port.

    `bus_link` leads from an accelerator to its NIC (-1 where the port is the rank's own), `link` from there to
    `switch`; `node` (NIC or rank) owns the port. A host that forwards for others is its own switch, `link` is -1.
    """

    indptr: Indptr
    bus_link: Links
    link: Links
    node: npt.NDArray[np.int32]
    switch: npt.NDArray[np.int32]


class Choice(NamedTuple):
    """Per pair, the ports (entries of a CSR by rank) that one end may use: so many `ports` from `first` on."""

    first: Indptr
    ports: Indptr


def all_of(indptr: Indptr, ranks: npt.NDArray[np.int32]) -> Choice:
    """Every entry of each rank."""
    return Choice(indptr[ranks], np.diff(indptr)[ranks])


def of_adapter(ports: Ports, ranks: npt.NDArray[np.int32], adapter: npt.NDArray[np.int64]) -> Choice:
    """The ports of each rank's adapter of this number, counted round where a rank has fewer; a rank without any gets
    the empty one after the last."""
    indptr, first = adapters(ports)
    count = np.diff(indptr)[ranks]
    chosen = np.where(count == 0, len(first) - 1, indptr[ranks] + adapter % np.maximum(count, 1))
    return Choice(first[chosen], np.diff(first, append=first[-1])[chosen])


def adapters(ports: Ports) -> tuple[Indptr, Indptr]:
    """`(indptr, first)`: adapters of each rank as CSR, and where each adapter's ports begin (one more for the end)."""
    rank = np.repeat(np.arange(len(ports.indptr) - 1), np.diff(ports.indptr))
    new = np.ones(len(rank), dtype=bool)
    new[1:] = (rank[1:] != rank[:-1]) | (ports.node[1:] != ports.node[:-1])
    first = np.append(np.flatnonzero(new), len(rank))
    return csr(np.bincount(rank[new], minlength=len(ports.indptr) - 1)), first


@fact
def network_ports(fabric: Fabric) -> Ports:
    """The network ports of every rank, ascending by NIC, then by port."""
    if fabric.meta.get("hosts_forward"):
        none, itself = np.full(fabric.ranks, -1, dtype=np.int32), fabric.endpoints
        return Ports(np.arange(fabric.ranks + 1), none, none, itself, itself)
    to_switch = (fabric.link_kind == LinkKind.NETWORK) & np.isin(fabric.node_kind[fabric.link_target], SWITCH_KINDS)
    owners = (NodeKind.NIC, NodeKind.HOST, NodeKind.STORAGE, NodeKind.ACCELERATOR)
    own = np.flatnonzero(to_switch & np.isin(fabric.node_kind[fabric.link_source], owners))
    rank_of = _rank_of_node(fabric)
    direct = own[rank_of[fabric.link_source[own]] >= 0]
    bus = np.flatnonzero(
        (fabric.link_kind == LinkKind.PCIE)
        & (rank_of[fabric.link_source] >= 0)
        & (fabric.node_kind[fabric.link_target] == NodeKind.NIC)
    )
    bus_of, port_of = _join(fabric.link_target[bus], fabric.link_source[own], fabric.nodes)
    rank = np.concatenate((rank_of[fabric.link_source[direct]], rank_of[fabric.link_source[bus[bus_of]]]))
    bus_link = np.concatenate((np.full(len(direct), -1), bus[bus_of])).astype(np.int32)
    link = np.concatenate((direct, own[port_of])).astype(np.int32)
    order = np.lexsort((fabric.port[link], fabric.link_source[link], rank))
    link = link[order]
    counts = np.bincount(rank, minlength=fabric.ranks)
    return Ports(csr(counts), bus_link[order], link, fabric.link_source[link], fabric.link_target[link])


def _rank_of_node(fabric: Fabric) -> npt.NDArray[np.int32]:
    rank = np.full(fabric.nodes, -1, dtype=np.int32)
    rank[fabric.endpoints] = np.arange(fabric.ranks, dtype=np.int32)
    return rank


def _join(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32], nodes: int) -> tuple[Indptr, Indptr]:
    """Indices of all pairs with `left[i] == right[j]`, as two arrays."""
    order = np.argsort(right, kind="stable")
    counts = np.bincount(right, minlength=nodes)
    starts = csr(counts)
    repeats = counts[left]
    i = np.repeat(np.arange(len(left)), repeats)
    offset = np.arange(len(i)) - np.repeat(csr(repeats)[:-1], repeats)
    return i, order[starts[left[i]] + offset]
