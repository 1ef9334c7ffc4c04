"""What a message takes on an empty network beyond its bytes at the rate of its slowest link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric, LinkKind
from ...fabric.routing import Paths
from .packets import Packets
from .subflows import Batch, Floats, Indices, Lines, Subflows

_NS = 1e-9


@dataclass(frozen=True)
class Delays:
    """Seconds per subflow: `forward_s` until the last byte has arrived, `back_s` until the sender knows, and `round_s`
    from sending a full packet to its acknowledgement; nan without packets."""

    forward_s: Floats
    back_s: Floats
    round_s: Floats


def delays(packets: Packets | None, lines: Lines, batch: Batch) -> Delays:
    """Link latencies by the share that takes them. A switch that stores packets delays a message by one packet per
    further hop; one that cuts through, not at all.

    With p bytes in the longest packet and links of rate C_h, storing costs sum(p / C_h) - p / min(C_h).
    """
    flows, fabric = batch.flows, lines.fabric
    owner = flows.owner
    forward_s = _summed(owner, flows.shares * fabric.latency_ns[flows.links] * _NS, batch)
    if packets is None:
        nothing = np.zeros_like(forward_s)
        return Delays(forward_s, nothing, np.full_like(forward_s, np.nan))
    hops = _network_hops(fabric, flows, owner)
    longest = packets.longest_bytes(batch.size_bytes)
    per_byte = _per_byte_s(packets.stored, *hops, fabric, batch)
    slowest = _slowest_s(*hops[:2], fabric, batch)
    forward_s = forward_s + longest * (per_byte - slowest)
    back_s = _back_s(packets, fabric, batch, hops)
    crosses = np.bincount(hops[0], minlength=len(flows)) > 0
    round_s = forward_s - longest * (per_byte - slowest) + packets.mtu_bytes * per_byte + back_s
    return Delays(forward_s, back_s, np.where(crosses, round_s, np.nan))


Hops = tuple[Indices, npt.NDArray[np.int32], Floats]
"""(owner, link, share) of hops over the switched network."""


def _network_hops(fabric: Fabric, flows: Subflows, owner: Indices) -> Hops:
    switched = fabric.link_kind[flows.links] == LinkKind.NETWORK
    return owner[switched], flows.links[switched], flows.shares[switched]


def _back_hops(fabric: Fabric, back: Paths) -> Hops:
    owner = np.repeat(np.arange(len(back.indptr) - 1), np.diff(back.indptr))
    switched = fabric.link_kind[back.links] == LinkKind.NETWORK
    return owner[switched], back.links[switched], np.ones(int(switched.sum()))


def _back_s(packets: Packets, fabric: Fabric, batch: Batch, hops: Hops) -> Floats:
    """An acknowledgement, `header_bytes` long, on the path it takes: the same way back where none was chosen."""
    owner, links, shares = (
        (hops[0], hops[1] ^ 1, hops[2]) if batch.flows.back is None else _back_hops(fabric, batch.flows.back)
    )
    latency_s = _summed(owner, shares * fabric.latency_ns[links] * _NS, batch)
    return latency_s + packets.header_bytes * _per_byte_s(packets.stored, owner, links, shares, fabric, batch)


def _per_byte_s(
    stored: bool, owner: Indices, links: npt.NDArray[np.int32], shares: Floats, fabric: Fabric, batch: Batch
) -> Floats:
    """Seconds in which a byte is on the wire all the way: once per hop where packets are stored, else once."""
    if stored:
        return _summed(owner, shares * 8 / fabric.capacity_bps[links], batch)
    return _slowest_s(owner, links, fabric, batch)


def _slowest_s(owner: Indices, links: npt.NDArray[np.int32], fabric: Fabric, batch: Batch) -> Floats:
    per_byte = np.zeros(len(batch.flows))
    np.maximum.at(per_byte, owner, 8 / fabric.capacity_bps[links])
    return per_byte


def _summed(owner: Indices, values: Floats, batch: Batch) -> Floats:
    return np.bincount(owner, weights=values, minlength=len(batch.flows)).astype(np.float64)
