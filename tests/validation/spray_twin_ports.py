"""Ports and cables of the packet-level twin of sprayed flows (see `spray_twin`).

Headers and what controls go before data. A switch's port whose buffer is full cuts the packet that comes, or in half of
the cases the one that came last, to its header.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from fabricsim.sims.engine._kernel import part
from packet_twin_kernels import NOBODY, Line, _foresee, _pop, _push

START, SENT, REACHED, PACE, SEND = range(5)
"""Events: a flow starts; a link's packet is sent; one is at a cable's end; a receiver may give credit; an adapter may
send."""

DATA, HEADER, ACK, NACK, PULL = range(5)
HEADER_BYTES = 64
FREE = 2
"""In `count`, behind those of `packet_twin_kernels`: packets not in use."""


class Wiring(NamedTuple):
    """Fixed: a fat tree, and `n` flows between its hosts."""

    byte_ps: np.ndarray  # int64[m]
    latency_ps: np.ndarray  # int64[m]
    from_host: np.ndarray  # bool[m]
    host_up: np.ndarray  # int64[hosts] link
    host_down: np.ndarray  # int64[hosts]
    leaf_up: np.ndarray  # int64[leaves, half]
    leaf_down: np.ndarray  # int64[leaves, half] to the leaf
    agg_up: np.ndarray  # int64[aggs, half]
    agg_down: np.ndarray  # int64[aggs, half] to the aggregation switch
    src: np.ndarray  # int64[n]
    dst: np.ndarray  # int64[n]
    packets: np.ndarray  # int64[n]
    first: np.ndarray  # int64[n + 1] number of a flow's first packet
    packet_bytes: np.ndarray  # int64[total] on the wire
    buffer_bytes: int


class Ports(NamedTuple):
    """Changing, per packet in flight (p) and link (m)."""

    kind: np.ndarray  # int64[p]
    flow: np.ndarray  # int64[p]
    seq: np.ndarray  # int64[p]
    path: np.ndarray  # int64[p]
    hop: np.ndarray  # int64[p]
    pull: np.ndarray  # int64[p] pull number, of data the pull target
    done: np.ndarray  # int64[p] packets known to have arrived
    mark: np.ndarray  # int64[p] entropy
    reach_ps: np.ndarray  # int64[p]
    free: np.ndarray  # int64[p]
    ahead_of: Line  # headers and control, for a link
    behind: Line  # data, for a link of a switch
    own: Line  # data of a flow, at its host
    turns: Line  # flows with data, for a link of a host
    flying: Line
    sending: np.ndarray  # int64[m]
    held_bytes: np.ndarray  # int64[m] of data
    random: np.ndarray  # uint64[1]
    ahead_ps: np.ndarray  # int64[...] heap of events
    ahead: np.ndarray  # int64[...]
    count: np.ndarray  # int64[3]


@part
def new_packet(ports, kind, flow, seq, path):
    """A packet at its source."""
    ports.count[FREE] -= 1
    packet = ports.free[ports.count[FREE]]
    ports.kind[packet], ports.flow[packet], ports.seq[packet], ports.path[packet] = kind, flow, seq, path
    ports.hop[packet], ports.pull[packet], ports.done[packet] = 0, 0, 0
    return packet


@part
def drop(ports, packet):
    """The packet is where it should be."""
    ports.free[ports.count[FREE]] = packet
    ports.count[FREE] += 1


@part
def draw(ports, below):
    """A number below `below` (SplitMix64)."""
    ports.random[0] += np.uint64(0x9E3779B97F4A7C15)
    return mixed(ports.random[0]) % np.uint64(below)


@part
def mixed(bits):
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@part
def bytes_of(wiring, ports, packet):
    if ports.kind[packet] != DATA:
        return HEADER_BYTES
    return wiring.packet_bytes[wiring.first[ports.flow[packet]] + ports.seq[packet]]


@part
def forward(wiring, ports, packet):
    return ports.kind[packet] <= HEADER


@part
def ways(wiring, flow):
    """Paths of a flow."""
    half = wiring.leaf_up.shape[1]
    leaf, other = wiring.src[flow] // half, wiring.dst[flow] // half
    if leaf == other:
        return 1
    return half if leaf // half == other // half else half * half


@part
def link_of(wiring, ports, packet):
    """The link that the packet takes next, NOBODY where it has arrived."""
    half, flow, hop = wiring.leaf_up.shape[1], ports.flow[packet], ports.hop[packet]
    start, end = wiring.src[flow], wiring.dst[flow]
    if not forward(wiring, ports, packet):
        start, end = end, start
    leaf, other = start // half, end // half
    hops = 2 if leaf == other else 4 if leaf // half == other // half else 6
    agg, core = ports.path[packet] % half, ports.path[packet] // half
    if hop == hops:
        return NOBODY
    if hop == 0:
        link = wiring.host_up[start]
    elif hop == hops - 1:
        link = wiring.host_down[end]
    elif hop == 1:
        link = wiring.leaf_up[leaf, agg]
    elif hop == hops - 2:
        link = wiring.leaf_down[other, agg]
    elif hop == 2:
        link = wiring.agg_up[leaf // half * half + agg, core]
    else:
        link = wiring.agg_down[other // half * half + agg, core]
    return link


@part
def queue_up(wiring, ports, now, packet):
    """The packet is where its next link begins."""
    link = link_of(wiring, ports, packet)
    if ports.kind[packet] == DATA:
        full = ports.held_bytes[link] + bytes_of(wiring, ports, packet) > wiring.buffer_bytes
        if full and not wiring.from_host[link]:
            if draw(ports, 2) == 0:
                swap(ports, packet, ports.behind.tail[link])
            ports.kind[packet] = HEADER
    if ports.kind[packet] == DATA:
        ports.held_bytes[link] += bytes_of(wiring, ports, packet)
        if not wiring.from_host[link]:
            _push(ports.behind, link, packet)
        elif _push(ports.own, ports.flow[packet], packet):
            _push(ports.turns, link, ports.flow[packet])
    else:
        _push(ports.ahead_of, link, packet)
    send(wiring, ports, now, link)


@part
def swap(ports, one, other):
    """Each takes the other's place."""
    for column in (ports.flow, ports.seq, ports.path, ports.hop, ports.pull, ports.mark):
        column[one], column[other] = column[other], column[one]


@part
def send(wiring, ports, now, link):
    """Send the next packet, if the link is idle."""
    if ports.sending[link] != NOBODY:
        return
    packet = _pop(ports.ahead_of, link)
    if packet == NOBODY:
        packet = of_next_flow(ports, link) if wiring.from_host[link] else _pop(ports.behind, link)
    if packet != NOBODY:
        ports.sending[link] = packet
        _foresee(ports, now + bytes_of(wiring, ports, packet) * wiring.byte_ps[link], SENT, link)


@part
def of_next_flow(ports, link):
    """A host's flows take turns."""
    flow = _pop(ports.turns, link)
    if flow == NOBODY:
        return NOBODY
    packet = _pop(ports.own, flow)
    if ports.own.head[flow] != NOBODY:
        _push(ports.turns, link, flow)
    return packet


@part
def sent(wiring, ports, now, link):
    """The packet being sent is on the cable."""
    packet = ports.sending[link]
    ports.sending[link] = NOBODY
    if ports.kind[packet] == DATA:
        ports.held_bytes[link] -= bytes_of(wiring, ports, packet)
    ports.reach_ps[packet] = now + wiring.latency_ps[link]
    if _push(ports.flying, link, packet):
        _foresee(ports, ports.reach_ps[packet], REACHED, link)
    send(wiring, ports, now, link)


@part
def reached(wiring, ports, now, link):
    """The first packet is at its cable's end. Returns it if it has arrived, else NOBODY."""
    packet = _pop(ports.flying, link)
    if ports.flying.head[link] != NOBODY:
        _foresee(ports, ports.reach_ps[ports.flying.head[link]], REACHED, link)
    ports.hop[packet] += 1
    if link_of(wiring, ports, packet) == NOBODY:
        return packet
    queue_up(wiring, ports, now, packet)
    return NOBODY
