"""Every link shared max-min fairly, each flow within its window."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...fabric.graph import LinkKind
from ..engine import simulate_flows
from ._delay_kernels import any_on
from .delays import Delays, delays
from .packets import Packets
from .subflows import Batch, Delivery, Floats, Lines, Subflows

_AS_FAST = 1e-6


def share_fairly(
    packets: Packets | None,
    lines: Lines,
    batch: Batch,
    certify: bool,
    most_bps: float = np.inf,
    weights: Floats | None = None,
    delay: Delays | None = None,
) -> Delivery:
    """Max-min fair shares of the links' payload rates; acknowledgements take theirs where their paths are known.

    A flow with `window` bytes in flight has at most window / round trip on an empty network, and `most_bps` on the
    switched network. `weights`: of the subflows' shares, equal unless given. `delay`: of the batch, where it is known
    already.
    """
    flows = batch.together if lines.limiting is None else batch.together.where(lines.limiting)
    size_bytes, caps_bps = batch.size_bytes, None
    latency_s = np.zeros(len(size_bytes))
    if packets is not None:
        size_bytes = filled(packets, lines, batch)
        flows = _with_acknowledgements(packets, lines, flows, batch)
    if lines.timed:
        delay = delay or delays(packets, lines, batch)
        latency_s = delay.forward_s + (delay.back_s if packets is not None and packets.acked else 0.0)
        latency_s[batch.size_bytes == 0] = 0.0
        if packets is not None and np.isfinite(packets.window_bytes):
            window_bps = 8 * packets.window_bytes * packets.share / delay.round_s
            caps_bps = np.where(np.isnan(window_bps), np.inf, window_bps)
    if np.isfinite(most_bps):
        most = np.where(crosses_network(lines, batch), most_bps, np.inf)
        caps_bps = most if caps_bps is None else np.minimum(caps_bps, most)
    shares = None if (flows.shares == 1.0).all() else flows.shares
    if batch.stands is not None:
        size_bytes = size_bytes * batch.count
        weights = batch.count if weights is None else weights * batch.count
        caps_bps = None if caps_bps is None else caps_bps * batch.count
    result = simulate_flows(
        flows.indptr,
        flows.links,
        lines.payload_bps,
        size_bytes,
        start_s=batch.start_s,
        shares=shares,
        weights=weights,
        caps_bps=caps_bps,
        record=lines.record_s,
        certify=certify,
    )
    finish_s = result.finish_s
    if lines.timed and delay is not None and packets is not None and np.isfinite(packets.window_bytes):
        finish_s = finish_s + _whole_windows_s(packets, lines, batch, delay, finish_s)
    return Delivery(finish_s + latency_s, latency_s, record=result.record)


def _whole_windows_s(packets: Packets, lines: Lines, batch: Batch, delay: Delays, finish_s: Floats) -> Floats:
    """What flows that only their window held back differ from the stream of window / round trip: a window of w packets
    leaves at line rate once per round trip, so that n packets take floor((n - 1) / w) round trips and the rest of a
    window."""
    flows, switched = batch.flows, lines.fabric.link_kind[batch.flows.links] == LinkKind.NETWORK
    line_bps = np.full(len(flows), np.inf)
    widest = lines.fabric.capacity_bps[flows.links] / flows.shares
    np.minimum.at(line_bps, flows.owner[switched], widest[switched])
    wire, window, trip_s = packets.wire_bytes(batch.size_bytes), packets.window_bytes, np.nan_to_num(delay.round_s)
    stream_s = wire / window * trip_s
    alone = (window * 8 < line_bps * trip_s) & (finish_s - batch.start_s <= stream_s * (1 + _AS_FAST))
    whole = np.floor(np.maximum(packets.count(batch.size_bytes) - 1, 0) / (window // packets.mtu_bytes))
    rest_s = 8 * np.maximum(wire - whole * window, 0.0) / line_bps
    return np.where(alone, whole * trip_s + rest_s - stream_s, 0.0)


def filled(packets: Packets, lines: Lines, batch: Batch) -> Floats:
    """Payload that would fill the packets of each subflow on the switched network to the same bytes on the wire."""
    full = packets.wire_bytes(batch.size_bytes) * packets.share
    return np.where(crosses_network(lines, batch), full, batch.size_bytes)


def crosses_network(lines: Lines, batch: Batch) -> npt.NDArray[np.bool_]:
    """Which subflows leave their scale-up domain."""
    crosses: npt.NDArray[np.bool_] = any_on(
        batch.flows.indptr, batch.flows.links, lines.fabric.link_kind == LinkKind.NETWORK
    )
    return crosses


def _with_acknowledgements(packets: Packets, lines: Lines, flows: Subflows, batch: Batch) -> Subflows:
    """The subflows with the part that their acknowledgements take of the links back."""
    if batch.flows.back is None or packets.ack_share == 0:
        return flows
    back = batch.flows.back
    switched = lines.fabric.link_kind[back.links] == LinkKind.NETWORK
    owner = np.concatenate(
        [
            flows.owner,
            np.repeat(np.arange(len(flows)), np.diff(back.indptr))[switched],
        ]
    )
    links = np.concatenate([flows.links, back.links[switched]])
    shares = np.concatenate([flows.shares, np.full(int(switched.sum()), packets.ack_share)])
    _, once = np.unique(owner * lines.fabric.links + links, return_index=True)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(owner[once], minlength=len(flows)))))
    return Subflows(flows.transfer, flows.part, indptr, links[once], shares[once])
