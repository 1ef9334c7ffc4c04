"""What a message takes on an empty network beyond its bytes at the rate of its slowest link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric, LinkKind
from ._delay_kernels import along
from .packets import Packets
from .subflows import Batch, Floats, Indices, Lines, Subflows


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
    forth = _trip(lines.fabric, batch.flows)
    if packets is None:
        nothing = np.zeros_like(forth.latency_s)
        return Delays(forth.latency_s, nothing, np.full_like(nothing, np.nan))
    per_byte_s = forth.hop_s if packets.stored else forth.slowest_s
    forward_s = forth.latency_s + packets.longest_bytes(batch.size_bytes) * (per_byte_s - forth.slowest_s)
    back_s = _back_s(packets, lines.fabric, batch.flows)
    round_s = forth.latency_s + packets.mtu_bytes * per_byte_s + back_s
    return Delays(forward_s, back_s, np.where(forth.crosses, round_s, np.nan))


class _Trip(NamedTuple):
    """Per subflow what its way takes: see `_delay_kernels.along`."""

    latency_s: Floats
    network_s: Floats
    hop_s: Floats
    slowest_s: Floats
    crosses: npt.NDArray[np.bool_]


def _trip(fabric: Fabric, flows: Subflows, turned: int = 0) -> _Trip:
    return _along(fabric, flows.indptr, flows.links, flows.shares, turned)


def _along(fabric: Fabric, indptr: Indices, links: npt.NDArray[np.int32], shares: Floats, turned: int = 0) -> _Trip:
    switched = fabric.link_kind == LinkKind.NETWORK
    return _Trip(*along(indptr, links, shares, turned, fabric.latency_ns, fabric.capacity_bps, switched))


def _back_s(packets: Packets, fabric: Fabric, flows: Subflows) -> Floats:
    """An acknowledgement, `header_bytes` long, on the path it takes: the same way back where none was chosen."""
    if flows.back is None:
        back = _trip(fabric, flows, turned=1)
    else:
        back = _along(fabric, flows.back.indptr, flows.back.links, np.ones(len(flows.back.links)))
    per_byte_s = back.hop_s if packets.stored else back.slowest_s
    return back.network_s + packets.header_bytes * per_byte_s
