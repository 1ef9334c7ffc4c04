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
    leaving: np.ndarray  # float64[m] rate at which bytes left `entered` in the last step
    was_entered: np.ndarray  # float64[m] `entered` before it
    was_queued: np.ndarray  # float64[n] `queued` at the end of the last step
    clears: np.ndarray  # float64[n] rate at which `queued` empties, per byte of it
    stood: np.ndarray  # float64[m] in this step: before the link at its beginning,
    came: np.ndarray  # float64[m] ... arrived there,
    gone: np.ndarray  # float64[m] ... went over the link,
    able: np.ndarray  # float64[m] ... and could have gone;
    drained: np.ndarray  # float64[m] ... left `entered`;
    sent: np.ndarray  # float64[n] ... and left the source
    rate: np.ndarray  # float64[n] of the source in the last step; below 0: unknown
    served: np.ndarray  # float64[m] over the link, ever
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
    ahead: np.ndarray  # float64[n] bytes there before it; below 0: not there yet
    done_s: np.ndarray  # float64[n]
    clock: np.ndarray  # float64[4]: NOW, length of the STEP, last EVENT, when acknowledgements were last COUNTED
    size: np.ndarray  # int64[5]


NOW, STEP, EVENT, COUNTED = range(4)
STARTED, ACTIVE, PROBING, DONE, DRY = range(5)
"""In `size`: flows that have started; in `active`; in `probing`; done; whether a source ran dry in this step."""


class Rules(NamedTuple):
    """Steps between `step_s` and `longest_s`; `count_s` after which acknowledgements are counted anew; `packet` bytes;
    `ack_share` acknowledged bytes per byte; `in_flight` bytes a flow may have on the way; whether a flow is done only
    when it is `acked`."""

    step_s: float
    longest_s: float
    count_s: float
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
def room_bytes(links, state, link, step_s):
    """Bytes that may cross a link in a step: what fills the buffer behind it to the level e at which its pauses let in
    what comes, while the buffer drains at the rate per byte it had; and no more than there is room for.

    e = entered + room - drain e step, room = (high - e) / (high - low) rate step - acknowledgements.
    """
    most, acks = links.rate[link] * step_s, state.acks[link] * step_s
    entered, left = state.entered[link], state.leaving[link] * step_s
    fill = most / (links.high[link] - links.low[link])
    level = 0.0
    if entered > 0.0:
        level = entered * (entered + fill * links.high[link] - acks) / (entered * (1.0 + fill) + left)
    free = max(0.0, links.high[link] - entered) + left
    return min(most - acks, fill * (links.high[link] - level) - acks, free)


@part
def paused_bytes(links, state, link):
    """What a link carries, on average, until a packet gets through its pauses: while it stands, the buffer behind it
    drains by its swing, and half of that is left when the packet comes."""
    return 0.5 * (links.high[link] - links.low[link]) * (1.0 - open_share(links, state, link))


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
        state.drained[paths.hop_link[hop]] += amount
        return
    after = paths.hop_link[hop + 1]
    state.waiting[hop + 1] += amount
    state.before[after] += amount
    state.came[after] += amount
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
        begin, rest = paths.indptr[flow], 0.0
        for hop in range(begin, paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            if hop > begin:
                rest += state.waiting[hop]
                state.before[link] -= state.waiting[hop]
                state.entered[paths.hop_link[hop - 1]] -= state.waiting[hop]
                state.served[link] += rest
            state.in_use[link] -= 1
            if state.in_use[link] == 0:
                state.before[link] = state.entered[link] = 0.0
            last = state.slot[links.first[link] + state.in_use[link]]
            state.slot[state.place[hop]] = last
            state.place[last] = state.place[hop]
        for hop in range(begin + 1, paths.indptr[flow + 1]):
            state.waiting[hop] = 0.0
        state.queued[flow] = 0.0
        state.size[ACTIVE] -= 1
        state.active[i] = state.active[state.size[ACTIVE]]
