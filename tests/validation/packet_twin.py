"""Lossless Ethernet and InfiniBand packet by packet: the slow, obvious twin of the queues that push back.

Hosts send at line rate, their flows in turns, acknowledgements first. A switch stores a packet, puts it behind those
that wait for the same port, and counts by which port it came: above `xoff_bytes` it pauses the sender at the other
end, below `xon_bytes` it lets it go on, either by a frame that takes the cable's time and no other. A packet being
sent is finished. Every packet is full and is acknowledged by one of `ack_bytes`; a flow is done when its source has
the last acknowledgement. With `credit_bytes` a sender starts a packet only when a full one fits into what the buffer
at the other end has granted; credit for a packet comes back, in the cable's time, when that has left the buffer.

Times are whole picoseconds. What happens at once happens in the order in which it was foreseen, and cables and
switches foresee no more than the first packet in them: so do those of csg-htsim, whose times these are to the last
digit.
"""

from __future__ import annotations

import numpy as np
from packet_twin_kernels import NOBODY, Line, Rules, State, Wiring, run


def completion_s(fabric, forth, back, size_bytes, start_s, credit_bytes=0):
    """Seconds from each flow's start until its source has the last acknowledgement, float64[n]; nan for a flow that
    waits for ever. `forth` and `back` are (indptr, links) of data and acknowledgements, `links` those of the fabric."""
    rules = Rules(credit_bytes=credit_bytes)
    packets = np.ceil(np.asarray(size_bytes) / rules.payload_bytes).astype(np.int64)
    wiring = _wire(fabric, forth, back, packets)
    state = _at_rest(fabric, wiring)
    start_ps = np.round(np.asarray(start_s) * 1e12).astype(np.int64)
    run(wiring, rules, state, start_ps)
    return np.where(state.done_ps < 0, np.nan, (state.done_ps - start_ps) * 1e-12)


def _wire(fabric, forth, back, packets):
    hops = [side[1][side[0][i] : side[0][i + 1]] for i in range(len(packets)) for side in (forth, back)]
    nic = forth[1][forth[0][:-1]]
    return Wiring(
        np.round(8e12 / fabric.capacity_bps).astype(np.int64),
        np.round(1e3 * fabric.latency_ns).astype(np.int64),
        fabric.link_source.astype(np.int64),
        np.concatenate(([0], np.cumsum([len(side) for side in hops])[1::2])),
        np.concatenate(hops).astype(np.int64),
        np.diff(forth[0]).astype(np.int64),
        np.concatenate(([0], np.cumsum(packets))),
        np.concatenate(([0], np.cumsum(np.bincount(nic, minlength=fabric.links)))),
        np.argsort(nic, kind="stable"),
    )


def _at_rest(fabric, wiring):
    flows, links, packets = len(wiring.turn), fabric.links, int(wiring.first[-1])
    behind = np.full(packets, NOBODY)
    most_ahead = flows + 8 * links + fabric.nodes + packets

    def zeros(*shape):
        return np.zeros(shape, dtype=np.int64)

    def no(count):
        return np.zeros(count, dtype=np.bool_)

    def line(places):
        return Line(np.full(places, NOBODY), np.full(places, NOBODY), behind)

    return State(
        started=no(flows),
        sent=zeros(flows),
        done_ps=np.full(flows, -1),
        flow=np.repeat(np.arange(flows), np.diff(wiring.first)),
        hop=zeros(packets),
        reach_ps=zeros(packets),
        waiting=line(links),
        flying=line(links),
        inside=line(fabric.nodes),
        sending=np.full(links, NOBODY),
        paused=no(links),
        entered=zeros(links),
        full=no(links),
        lent=zeros(links),
        turns=wiring.nic_indptr[1:] - 1,
        ahead_ps=zeros(most_ahead),
        ahead=zeros(most_ahead),
        count=zeros(2),
    )
