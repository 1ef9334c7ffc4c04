"""Flows through queues that push back, from a batch to its delivery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ....fabric.errors import Fault, FlowError, InternalError
from ....fabric.graph import Fabric, LinkKind
from ..delays import delays
from ..fair import share_fairly
from ..packets import Packets
from ..subflows import Batch, Delivery, Floats, Lanes, Lines, Queues
from ._run_kernels import run_queues
from ._state_kernels import Moving
from .buffers import Buffers, Credits
from .layout import Network, at_rest, lay_out

ONE_LANE = np.ones(1)

_FAULTS_SHOWN = 10
_TOLERANCE = 1e-6


def carry_lossless(
    packets: Packets,
    lines: Lines,
    batch: Batch,
    buffers: Buffers | Credits,
    certify: bool,
    weights: Floats = ONE_LANE,
) -> Delivery:
    """Carry the network's subflows through the queues of its links, in the lanes that their hops name; those inside
    servers share fairly. `weights`: one for each lane of a wire.

    Raises FlowError for flows that wait for one another for ever, and for flows without a path of their own: a
    fraction spread over many has no place in a queue.
    """
    if (batch.flows.shares[lines.fabric.link_kind[batch.flows.links] == LinkKind.NETWORK] < 1.0).any():
        raise FlowError("traffic is spread over paths, and buffers push back on one", "route by ecmp, or name a cc")
    switched = _crosses_network(lines.fabric, batch)
    latency_s, finish_s = np.zeros(len(batch.flows)), batch.start_s.copy()
    if not switched.all():
        fair = share_fairly(packets, lines, batch.rows(~switched), certify)
        latency_s[~switched], finish_s[~switched] = fair.latency_s, fair.finish_s
    if not switched.any():
        return Delivery(finish_s, latency_s)
    crossing = batch.rows(switched)
    queued, late = _without_idle_buses(lines.fabric, crossing), delays(packets, lines, crossing)
    began_s = float(queued.start_s.min())
    network = lay_out(packets, lines, replace(queued, start_s=queued.start_s - began_s), late, buffers, weights)
    state = at_rest(network)
    if not run_queues(network.paths, network.links, state, network.rules):
        raise FlowError(_deadlock(lines.fabric, network, state))
    if certify:
        _certify(network, state)
    latency_s[switched] = late.forward_s + (late.back_s if packets.acked else 0.0)
    finish_s[switched] = state.done_s + began_s
    return Delivery(finish_s, latency_s, _queues(lines.fabric, network, state, batch.flows.lanes))


def _crosses_network(fabric: Fabric, batch: Batch) -> npt.NDArray[np.bool_]:
    """Which subflows have bytes to carry over the switched network."""
    switched = fabric.link_kind[batch.flows.links] == LinkKind.NETWORK
    return (np.bincount(batch.flows.owner, switched, len(batch.flows)) > 0) & (batch.size_bytes > 0)


def _without_idle_buses(fabric: Fabric, batch: Batch) -> Batch:
    """The batch without the hops over buses that carry all that the network links beside them can."""
    flows = batch.flows
    bus = fabric.link_kind[flows.links] == LinkKind.PCIE
    if not bus.any():
        return batch
    same = flows.owner[1:] == flows.owner[:-1]
    beside = np.concatenate(
        [
            np.stack((flows.links[:-1], flows.links[1:]))[:, same & bus[:-1]],
            np.stack((flows.links[1:], flows.links[:-1]))[:, same & bus[1:]],
        ],
        axis=1,
    )
    pairs = np.unique(beside, axis=1)
    asked_bps = np.bincount(pairs[0], fabric.capacity_bps[pairs[1]], fabric.links)
    idle = (fabric.link_kind == LinkKind.PCIE) & (fabric.capacity_bps >= asked_bps)
    return replace(batch, flows=flows.where(~idle))


def _queues(fabric: Fabric, network: Network, state: Moving, lane_of: Lanes | None) -> Queues:
    span_s = float(state.done_s.max() - network.paths.start_s.min())
    held, waited = np.zeros((2, fabric.links * network.lanes))
    place = network.used.astype(np.int64) * network.lanes + network.lane
    held[place] = state.held_s / span_s
    waited[place] = state.waited / span_s
    return Queues(held, waited, network.lanes, lane_of if network.lanes > 1 else None)


def _deadlock(fabric: Fabric, network: Network, state: Moving) -> list[Fault]:
    """The links whose buffers stay full."""
    links = network.links
    full = np.flatnonzero(state.entered >= 0.5 * (links.low + links.high))
    if not len(full):
        raise InternalError("nothing moves any more, and no buffer is full")
    names = [_label(fabric, network, int(link)) for link in full[:_FAULTS_SHOWN]]
    cure = "route without cycles of dependence, as updn does, or give the lanes that the routing asks for"
    return [Fault(f"{len(full)} links are paused for ever by one another, {', '.join(names)} among them", cure)]


def _label(fabric: Fabric, network: Network, link: int) -> str:
    name = fabric.link_label(int(network.used[link]))
    return name if network.lanes == 1 else f"{name} lane {network.lane[link]}"


def _certify(network: Network, state: Moving) -> None:
    """What a link has carried are the bytes of the flows that cross it, at no more than its rate."""
    paths, links = network.paths, network.links
    due = np.bincount(paths.hop_link, network.wire_bytes[paths.hop_flow], len(links.rate))
    span_s = float(state.done_s.max() - paths.start_s.min())
    if (np.abs(state.served - due) > _TOLERANCE * due + 1.0).any():
        raise InternalError("bytes were lost or made in a queue")
    wire = np.unique(links.lanes_begin)
    if (np.add.reduceat(state.served, wire) > (1 + _TOLERANCE) * links.line[wire] * span_s).any():
        raise InternalError("a link carried more than its rate")
