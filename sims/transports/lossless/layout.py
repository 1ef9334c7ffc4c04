"""Subflows on links as the arrays of a queueing network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....fabric.graph import LinkKind
from ....fabric.routing import Paths as Routes
from ..delays import Delays
from ..packets import Packets
from ..subflows import Batch, Floats, Indices, Lines, Subflows
from ._order_kernels import upstream_first
from ._state_kernels import NONE, Links, Moving, Paths, Rules
from .buffers import Buffers, Credits

Numbers = npt.NDArray[np.int32]

_NS = 1e-9
_SHORTEST_STEP, _LONGEST_STEP = 0.4, 3.0
"""Of the time in which a link fills the buffer behind it: where flows come and go a step is a part of it; where nothing
changes some times of it, beyond which what buffers let in swings around what they let out."""

_BASE_STEP_S = 5e-6
_COUNT_S = 2e-5


@dataclass(frozen=True)
class Network:
    """`used` and `lane`: the fabric's link and the lane that each link of the queueing network is, of `lanes` in
    all."""

    paths: Paths
    links: Links
    rules: Rules
    used: Numbers
    lane: Numbers
    lanes: int
    wire_bytes: Floats


def lay_out(
    packets: Packets, lines: Lines, batch: Batch, delay: Delays, buffers: Buffers | Credits, weights: Floats
) -> Network:
    """The queueing network of a batch in which every flow has a path and bytes; `weights` are those of a wire's
    lanes."""
    fabric, flows = lines.fabric, batch.flows
    wire_bytes = packets.wire_bytes(batch.size_bytes)
    back = _way_back(packets, lines, batch)
    used, lane, hop_link, back_link = _upstream_first(flows, back, len(weights))
    before, after = _neighbours(flows.indptr, hop_link)
    paths = Paths(
        flows.indptr,
        hop_link,
        flows.owner.astype(np.int32),
        before,
        after,
        back.indptr,
        back_link,
        _ack_s(packets, lines, back),
        delay.forward_s,
        delay.round_s,
        batch.start_s,
        np.argsort(batch.start_s, kind="stable"),
    )
    line = fabric.capacity_bps[used] / 8
    rate = line * buffers.sustained(fabric, packets.mtu_bytes)[used]
    low, high = (side[used] for side in buffers.swing(fabric, packets.mtu_bytes))
    links = Links(
        rate,
        low,
        high,
        1.0 / (high - low),
        packets.mtu_bytes / line,
        _lags_s(packets, lines, batch, hop_link, len(used)),
        np.concatenate(([0], np.cumsum(np.bincount(hop_link, minlength=len(used))))),
        np.isin(np.arange(len(used)), hop_link[flows.indptr[:-1]]),
        line,
        *_wires(used),
        weights[lane],
    )
    fill_s = float((high / rate).min())
    rules = Rules(
        min(_SHORTEST_STEP * fill_s, _BASE_STEP_S),
        _LONGEST_STEP * fill_s,
        _COUNT_S,
        float(packets.mtu_bytes),
        packets.ack_share,
        packets.window_bytes,
        packets.acked,
    )
    return Network(paths, links, rules, used.astype(np.int32), lane, len(weights), wire_bytes)


def _upstream_first(flows: Subflows, back: Routes, lanes: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """The links in use in the order in which bytes cross them, each as often as it has lanes in use; the lanes; and
    hops of data and acknowledgements by their places in it. An acknowledgement takes the lane in which its flow
    starts."""
    used, place = np.unique(np.concatenate([flows.links, back.links]), return_inverse=True)
    order = upstream_first(flows.indptr, place[: len(flows.links)], len(used))
    rank = np.empty(len(used), dtype=np.int32)
    rank[order] = np.arange(len(used))
    on = rank[place].astype(np.int64) * lanes
    if lanes > 1 and flows.lanes is not None:
        on += np.concatenate([flows.lanes, np.repeat(flows.lanes[flows.indptr[:-1]], np.diff(back.indptr))])
    taken, hop = np.unique(on, return_inverse=True)
    wire, lane = np.divmod(taken, lanes)
    hop_link, back_link = np.split(hop.astype(np.int32), [len(flows.links)])
    return used[order[wire]], lane.astype(np.int32), hop_link, back_link


def _wires(used: Numbers) -> tuple[Numbers, Numbers]:
    """The range of the links that are lanes of the same wire as each."""
    begins = np.flatnonzero(np.concatenate(([True], used[1:] != used[:-1])))
    counts = np.diff(np.append(begins, len(used)))
    return np.repeat(begins, counts).astype(np.int32), np.repeat(begins + counts, counts).astype(np.int32)


def _neighbours(indptr: Indices, hop_link: Numbers) -> tuple[Numbers, Numbers]:
    """The links before and after each hop."""
    before, after = np.full((2, len(hop_link)), NONE, dtype=np.int32)
    before[1:], after[:-1] = hop_link[:-1], hop_link[1:]
    before[indptr[:-1]] = after[indptr[1:] - 1] = NONE
    return before, after


def _way_back(packets: Packets, lines: Lines, batch: Batch) -> Routes:
    """The acknowledgements' hops over the switched network: as chosen, else the data's own way back; none where
    nobody waits for them and they take no part of the links."""
    flows, kind = batch.flows, lines.fabric.link_kind
    if not packets.acked and packets.ack_share == 0.0:
        return Routes(np.zeros(len(flows) + 1, np.int64), np.empty(0, np.int32))
    if flows.back is not None:
        owner = np.repeat(np.arange(len(flows)), np.diff(flows.back.indptr))
        links = flows.back.links
    else:
        backward = np.lexsort((-np.arange(len(flows.links)), flows.owner))
        owner, links = flows.owner, flows.links[backward] ^ 1
    switched = kind[links] == LinkKind.NETWORK
    counts = np.bincount(owner[switched], minlength=len(flows))
    return Routes(np.concatenate(([0], np.cumsum(counts))).astype(np.int64), links[switched])


def _ack_s(packets: Packets, lines: Lines, back: Routes) -> Floats:
    """Seconds of an acknowledgement per hop: latency, and its time on the wire, on the first hop only where switches
    cut through."""
    fabric = lines.fabric
    wire_s = 8 * packets.header_bytes / fabric.capacity_bps[back.links]
    if not packets.stored:
        later = np.ones(len(back.links), dtype=bool)
        later[back.indptr[:-1][np.diff(back.indptr) > 0]] = False
        wire_s[later] = 0.0
    return fabric.latency_ns[back.links] * _NS + wire_s


def _lags_s(packets: Packets, lines: Lines, batch: Batch, hop_link: Numbers, count: int) -> Floats:
    """Per link, what packets of the flow that has it earliest on its way take to reach it."""
    fabric, flows = lines.fabric, batch.flows
    hop_s = fabric.latency_ns[flows.links] * _NS
    if packets.stored:
        hop_s = hop_s + 8 * packets.mtu_bytes / fabric.capacity_bps[flows.links]
    past_s = np.concatenate(([0.0], np.cumsum(hop_s)))
    lag_s = np.full(count, np.inf)
    np.minimum.at(lag_s, hop_link, past_s[:-1] - past_s[flows.indptr[:-1]][flows.owner])
    return np.where(np.isfinite(lag_s), np.maximum(lag_s, 0.0), 0.0)


def at_rest(network: Network) -> Moving:
    """Everything at the sources."""
    flows, links, hops = len(network.wire_bytes), len(network.links.rate), len(network.paths.hop_link)

    def zeros(count: int) -> Floats:
        return np.zeros(count)

    def numbers(count: int) -> Numbers:
        return np.zeros(count, dtype=np.int32)

    return Moving(
        left=network.wire_bytes.copy(),
        sending=np.zeros(flows, dtype=bool),
        crossed=zeros(hops),
        was_crossed=zeros(hops),
        before=zeros(links),
        loose=zeros(links),
        entered=zeros(links),
        leaving=zeros(links),
        was_entered=zeros(links),
        was_queued=zeros(flows),
        clears=np.full(flows, np.inf),
        stood=zeros(links),
        queued=zeros(links),
        gone=zeros(links),
        able=zeros(links),
        ready=zeros(links),
        granted=zeros(links),
        sent=zeros(flows),
        rate=np.full(flows, -1.0),
        served=zeros(links),
        acks=zeros(links),
        held_s=zeros(links),
        waited=zeros(links),
        slot=numbers(hops),
        place=numbers(hops),
        in_use=numbers(links),
        ending=numbers(links),
        live=numbers(links),
        active=numbers(flows),
        probing=numbers(flows),
        stage=np.zeros(flows, dtype=np.int64),
        probe_s=zeros(flows),
        began_s=zeros(flows),
        ahead=np.full(flows, -1.0),
        done_s=zeros(flows),
        clock=zeros(4),
        size=np.zeros(6, dtype=np.int64),
    )
