"""A lower bound on the time of a collective that no algorithm can beat on this fabric.

Divide the ranks into m groups (each rank alone; each scale-up domain) that can send B_g and receive B_g bytes/s at
their border, at line rate. S is the size as nccl-tests counts it.

All-reduce, per byte of the vector: before any group holds the result, each of the m - 1 others must have sent
something of its own; after, each of the m - 1 others must receive the result. These 2(m - 1) messages each leave one
group and enter one:

    T >= 2 (m - 1) S / sum B_g

and every group must send S and receive S, T >= S / min B_g. Where the switches between the groups reduce and
multicast, one message can serve several groups and only the second holds. Reduce-scatter: group g of n_g ranks must
send what others keep, T >= (1 - n_g / n) S / B_g; all-gather: receive the same. Send-recv: a group must send S for
each of its ranks whose partner is outside.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, RoutingError
from ...fabric.graph import LinkKind
from ..network import Network
from .communicator import Communicator
from .nvls import multicast_unfit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def bound_s_per_byte(network: Network, comm: Communicator, op: str) -> float:
    """Seconds per byte of size; latencies are left out. Raises RoutingError for a group that is cut off."""
    single, domain = np.arange(comm.size), np.repeat(np.arange(comm.domains), comm.domain_sizes)
    levels = [_level(network, comm, op, single, multicast_unfit(comm) == "")]
    if 1 < comm.domains < comm.size:
        levels.append(_level(network, comm, op, domain, False))
    return max(levels)


def _level(network: Network, comm: Communicator, op: str, group: Indices, reducing: bool) -> float:
    out_bps, in_bps = (border_bps(network, comm, group, way) for way in (0, 1))
    cut_off = np.flatnonzero((out_bps <= 0) | (in_bps <= 0))
    if len(cut_off):
        names = [network.fabric.label(int(network.fabric.endpoints[comm.ranks[group == g][0]])) for g in cut_off]
        raise RoutingError(Fault(f"no path from {name} to the other ranks", "cable it to them") for name in names)
    inside = np.bincount(group) / comm.size
    if op == "all-reduce":
        slowest = 1 / min(out_bps.min(), in_bps.min())
        messages = 0.0 if reducing else 2 * (len(inside) - 1) / min(out_bps.sum(), in_bps.sum())
        return float(8 * max(slowest, messages))
    if op == "send-recv":
        leaving = np.bincount(group, weights=group != np.roll(group, -1), minlength=len(inside))
        return float(8 * (leaving / out_bps).max())
    return float(8 * ((1 - inside) / (out_bps if op == "reduce-scatter" else in_bps)).max())


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
    entry, owner = _rows(ports.indptr, comm.ranks)
    behind = ports.bus_link[entry] >= 0
    entry, owner = entry[behind], owner[behind]
    nic, nic_of = np.unique(np.stack((group[owner], ports.node[entry])), axis=1, return_inverse=True)
    rates = (
        _once_each(nic_of.ravel(), links[entry] ^ way, fabric.capacity_bps, nic.shape[1])
        for links in (ports.bus_link, ports.link)
    )
    through_nics = np.bincount(nic[0], weights=np.minimum(*rates), minlength=len(border))
    return (border + through_nics).astype(np.float64)


def _rows(indptr: Indices, ranks: npt.NDArray[np.int32]) -> tuple[Indices, Indices]:
    """(entry, position in `ranks`) of every entry of these rows of a CSR."""
    counts = np.diff(indptr)[ranks]
    owner = np.repeat(np.arange(len(ranks)), counts)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return indptr[ranks][owner] + step, owner


def _once_each(owner: Indices, links: npt.NDArray[np.int32], capacity_bps: Floats, count: int) -> Floats:
    """Capacity of each owner's links, a link listed twice counted once."""
    pairs = np.unique(np.stack((owner, links)), axis=1)
    return np.bincount(pairs[0], weights=capacity_bps[pairs[1]], minlength=count).astype(np.float64)
