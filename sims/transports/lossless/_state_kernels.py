"""What stands still and what changes while flows cross queues that push back.

Every link has a queue before it; hop k of a flow, k > 0, waits in the queue before its link, hop 0 at the source. The
bytes that entered a switch by link l and still wait there are what l is paused for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...engine._kernel import part


class Paths(NamedTuple):
    """Fixed: `n` flows on `m` links with `nnz` hops; times in s, sizes in bytes on the wire, rates in bytes/s."""

    indptr: np.ndarray  # int64[n + 1] CSR of the data's hops
    hop_link: np.ndarray  # int32[nnz]
    hop_flow: np.ndarray  # int32[nnz]
    back_indptr: np.ndarray  # int64[n + 1] CSR of the acknowledgements' hops, empty rows where nobody waits for them
    back_link: np.ndarray  # int32[...]
    back_s: np.ndarray  # float64[...] what an acknowledgement takes on each, without waiting
    forward_s: np.ndarray  # float64[n] what the last packet takes on an empty network beyond its flow's serialisation
    round_s: np.ndarray  # float64[n] from a packet to its acknowledgement on an empty network
    start_s: np.ndarray  # float64[n]
    by_start: np.ndarray  # int64[n] flows in order of their starts


class Links(NamedTuple):
    """Fixed, per link."""

    rate: np.ndarray  # float64[m]
    low: np.ndarray  # float64[m] entered bytes up to which it runs freely ...
    high: np.ndarray  # float64[m] ... and from which it stands
    packet_s: np.ndarray  # float64[m] a full packet's time on it
    lag_s: np.ndarray  # float64[m] how much later than its sources' its packets leave, on an empty network
    order: np.ndarray  # int32[m] upstream first
    first: np.ndarray  # int64[m + 1] its slots
    begins: np.ndarray  # bool[m] whether flows begin here


class Moving(NamedTuple):
    """Changing."""

    left: np.ndarray  # float64[n] at the source
    queued: np.ndarray  # float64[n] in queues
    sending: np.ndarray  # bool[n]
    waiting: np.ndarray  # float64[nnz] of hops
    before: np.ndarray  # float64[m] bytes waiting before a link
    entered: np.ndarray  # float64[m] bytes waiting that entered by a link
    arrived: np.ndarray  # float64[m] ever, at the queue before a link ...
    served: np.ndarray  # float64[m] ... and ever out of it
    arrived_old: np.ndarray  # float64[m] at the beginning of the step
    served_old: np.ndarray  # float64[m]
    acks: np.ndarray  # float64[m] rate that acknowledgements take
    held_s: np.ndarray  # float64[m] time in which it was held back
    waited: np.ndarray  # float64[m] bytes before it, integrated over time
    slot: np.ndarray  # int64[nnz] hops by link: those in use in first <= i < first + in_use
    place: np.ndarray  # int64[nnz] where a hop's slot lies
    in_use: np.ndarray  # int64[m]
    active: np.ndarray  # int64[n] flows with bytes anywhere: the first size[ACTIVE]
    probing: np.ndarray  # int64[n] flows whose last byte is under way: the first size[PROBING]
    stage: np.ndarray  # int64[n] hops that the last byte, then its acknowledgement, has behind it
    probe_s: np.ndarray  # float64[n] when it reached the next queue
    mark: np.ndarray  # float64[n] arrivals at that queue before it; below 0: not there yet
    done_s: np.ndarray  # float64[n]
    window_left: np.ndarray  # float64[n] `left` when the window of rates began
    window_before: np.ndarray  # float64[m] `before` then
    rate: np.ndarray  # float64[n] of the source in the last whole window; below 0: unknown
    clock: np.ndarray  # float64[2]: NOW, beginning of the WINDOW
    size: np.ndarray  # int64[5]


NOW, WINDOW = 0, 1
STARTED, ACTIVE, PROBING, DONE, DRY = range(5)
"""In `size`: flows that have started; in `active`; in `probing`; done; whether a source ran dry in this step."""


class Rules(NamedTuple):
    """`step_s`; `window_s` over which rates are compared; `packet` bytes; `ack_share` acknowledged bytes per byte;
    `in_flight` bytes a flow may have on the way; whether a flow is done only when it is `acked`."""

    step_s: float
    window_s: float
    packet: float
    ack_share: float
    in_flight: float
    acked: bool


@part
def open_share(links, state, link):
    """Share of its rate that the buffer behind `link` lets it run at."""
    share = (links.high[link] - state.entered[link]) / (links.high[link] - links.low[link])
    return min(1.0, max(0.0, share))


@part
def meter(links, state, link, seconds):
    """Note for `seconds` how far a link is held back and how much waits before it."""
    state.held_s[link] += (1.0 - open_share(links, state, link)) * seconds
    state.waited[link] += state.before[link] * seconds


@part
def pass_on(paths, state, hop, amount):
    """Move bytes that have crossed `hop`'s link to the queue of the next hop, or out of the network."""
    flow = paths.hop_flow[hop]
    if hop + 1 == paths.indptr[flow + 1]:
        state.queued[flow] -= amount
        return
    after = paths.hop_link[hop + 1]
    state.waiting[hop + 1] += amount
    state.before[after] += amount
    state.arrived[after] += amount
    state.entered[paths.hop_link[hop]] += amount


@part
def admit(paths, links, state, until):
    """Give slots to the flows that start before `until`. Returns how many."""
    fresh = 0
    while state.size[STARTED] < len(paths.by_start):
        flow = paths.by_start[state.size[STARTED]]
        if paths.start_s[flow] >= until:
            break
        for hop in range(paths.indptr[flow], paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            state.place[hop] = links.first[link] + state.in_use[link]
            state.slot[state.place[hop]] = hop
            state.in_use[link] += 1
        state.active[state.size[ACTIVE]] = flow
        state.sending[flow] = True
        state.size[ACTIVE] += 1
        state.size[STARTED] += 1
        fresh += 1
    return fresh


@part
def dismiss(paths, links, state, negligible):
    """Take the flows off their links whose bytes have gone but for a `negligible` rest, which goes at once."""
    i = 0
    while i < state.size[ACTIVE]:
        flow = state.active[i]
        if state.sending[flow] or state.queued[flow] > negligible:
            i += 1
            continue
        begin = paths.indptr[flow]
        for hop in range(begin, paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            if hop > begin:
                rest = 0.0
                for earlier in range(begin + 1, hop + 1):
                    rest += state.waiting[earlier]
                state.before[link] -= state.waiting[hop]
                state.entered[paths.hop_link[hop - 1]] -= state.waiting[hop]
                state.arrived[link] += rest - state.waiting[hop]
                state.served[link] += rest
            state.in_use[link] -= 1
            last = state.slot[links.first[link] + state.in_use[link]]
            state.slot[state.place[hop]] = last
            state.place[last] = state.place[hop]
        for hop in range(begin + 1, paths.indptr[flow + 1]):
            state.waiting[hop] = 0.0
        state.queued[flow] = 0.0
        state.size[ACTIVE] -= 1
        state.active[i] = state.active[state.size[ACTIVE]]
