"""What stands still and what changes while flows cross queues that push back.

Every link has a queue before it; hop k of a flow, k > 0, waits in the queue before its link, hop 0 at the source. The
bytes that entered a switch by link l and still wait there are what l is paused for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...engine._kernel import inlined, part


class Paths(NamedTuple):
    """Fixed: `n` flows on `m` links with `nnz` hops; times in s, sizes in bytes on the wire, rates in bytes/s."""

    indptr: np.ndarray  # int64[n + 1] CSR of the data's hops
    hop_link: np.ndarray  # int32[nnz]
    hop_flow: np.ndarray  # int32[nnz]
    link_before: np.ndarray  # int32[nnz] the link of the flow's hop before it, or NONE,
    link_after: np.ndarray  # int32[nnz] ... and of the one after it
    back_indptr: np.ndarray  # int64[n + 1] CSR of the acknowledgements' hops, empty rows where nobody waits for them
    back_link: np.ndarray  # int32[...]
    back_s: np.ndarray  # float64[...] what an acknowledgement takes on each, without waiting
    forward_s: np.ndarray  # float64[n] what the last packet takes on an empty network beyond its flow's serialisation
    round_s: np.ndarray  # float64[n] from a packet to its acknowledgement on an empty network
    start_s: np.ndarray  # float64[n]
    by_start: np.ndarray  # int64[n] flows in order of their starts


class Links(NamedTuple):
    """Fixed, per link, upstream first. Where a wire has several lanes, each is a link of its own here, one after the
    other."""

    rate: np.ndarray  # float64[m]
    low: np.ndarray  # float64[m] entered bytes up to which it runs freely ...
    high: np.ndarray  # float64[m] ... and from which it stands
    slope: np.ndarray  # float64[m] 1 / (high - low)
    packet_s: np.ndarray  # float64[m] a full packet's time on it
    lag_s: np.ndarray  # float64[m] how much later than its sources' its packets leave, on an empty network
    first: np.ndarray  # int64[m + 1] its slots
    begins: np.ndarray  # bool[m] whether flows begin here
    line: np.ndarray  # float64[m] the rate of its wire, which may be more than one lane's
    lanes_begin: np.ndarray  # int32[m] the first of the links that are lanes of its wire ...
    lanes_end: np.ndarray  # int32[m] ... and the one after the last
    weight: np.ndarray  # float64[m] among them


class Moving(NamedTuple):
    """Changing."""

    left: np.ndarray  # float64[n] at the source
    sending: np.ndarray  # bool[n]
    crossed: np.ndarray  # float64[nnz] bytes of a flow that are past a hop; what is not past the next waits there
    was_crossed: np.ndarray  # float64[nnz] ... at the beginning of a step in which the source runs dry, or later ones
    before: np.ndarray  # float64[m] bytes waiting before a link
    loose: np.ndarray  # float64[m] ... of flows that have been dismissed
    entered: np.ndarray  # float64[m] bytes waiting that entered by a link
    leaving: np.ndarray  # float64[m] rate at which bytes left `entered` in the last step
    was_entered: np.ndarray  # float64[m] `entered` before it
    was_queued: np.ndarray  # float64[n] bytes in queues at the end of the last step
    clears: np.ndarray  # float64[n] rate at which they leave, per byte
    stood: np.ndarray  # float64[m] in this step: before the link at its beginning,
    queued: np.ndarray  # float64[m] ... went over the link from its queue,
    gone: np.ndarray  # float64[m] ... and in all,
    able: np.ndarray  # float64[m] ... and could have gone;
    ready: np.ndarray  # float64[m] of a lane among others: what it has to send, later the same by weight,
    granted: np.ndarray  # float64[m] ... and its share of the wire;
    sent: np.ndarray  # float64[n] ... and left the source
    rate: np.ndarray  # float64[n] of the source in the last step; below 0: unknown
    served: np.ndarray  # float64[m] over the link, ever
    acks: np.ndarray  # float64[m] rate that acknowledgements take
    held_s: np.ndarray  # float64[m] time in which it was held back
    waited: np.ndarray  # float64[m] bytes before it, integrated over time
    slot: np.ndarray  # int32[nnz] hops by link: those in use in first <= i < first + in_use
    place: np.ndarray  # int32[nnz] where a hop's slot lies
    in_use: np.ndarray  # int32[m]
    ending: np.ndarray  # int32[m] ... of flows that have sent their last byte
    live: np.ndarray  # int32[m] links in use or with bytes before them: the first size[LIVE]
    active: np.ndarray  # int32[n] flows with bytes anywhere: the first size[ACTIVE]
    probing: np.ndarray  # int32[n] flows whose last byte is under way: the first size[PROBING]
    stage: np.ndarray  # int64[n] hops that the last byte, then its acknowledgement, has behind it
    probe_s: np.ndarray  # float64[n] when it reached the next queue
    began_s: np.ndarray  # float64[n] from when on it is followed there,
    ahead: np.ndarray  # float64[n] ... and bytes before it; below 0: not there yet
    done_s: np.ndarray  # float64[n]
    clock: np.ndarray  # float64[4]: NOW, length of the STEP, last EVENT, when acknowledgements were last COUNTED
    size: np.ndarray  # int64[6]


NONE = -1
NOW, STEP, EVENT, COUNTED = range(4)
STARTED, ACTIVE, PROBING, DONE, DRY, LIVE = range(6)
"""In `size`: flows that have started; in `active`; in `probing`; done; whether a source ran dry in this step; links in
`live`."""


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


@inlined
def open_share(links, state, link):
    """Share of its rate that the buffer behind `link` lets it run at."""
    return min(1.0, max(0.0, (links.high[link] - state.entered[link]) * links.slope[link]))


@inlined
def room_bytes(links, state, link, step_s):
    """Bytes that may cross a link in a step: what fills the buffer behind it to the level e at which its pauses let in
    what comes, while the buffer drains at the rate per byte it had; and no more than there is room for.

    e = entered + room - drain e step, room = (high - e) / (high - low) rate step - acknowledgements.
    """
    most, acks = links.rate[link] * step_s, state.acks[link] * step_s
    entered, left = state.entered[link], state.leaving[link] * step_s
    fill = most * links.slope[link]
    level = 0.0
    if entered > 0.0:
        level = entered * (entered + fill * links.high[link] - acks) / (entered * (1.0 + fill) + left)
    free = max(0.0, links.high[link] - entered) + left
    return min(most - acks, fill * (links.high[link] - level) - acks, free)


@inlined
def paused_bytes(links, state, link):
    """What a link carries, on average, until a packet gets through its pauses: while it stands, the buffer behind it
    drains by its swing, and half of that is left when the packet comes."""
    return 0.5 * (links.high[link] - links.low[link]) * (1.0 - open_share(links, state, link))


@inlined
def meter(links, state, link, seconds):
    """Note for `seconds` how far a link is held back and how much waits before it."""
    state.held_s[link] += (1.0 - open_share(links, state, link)) * seconds
    state.waited[link] += state.before[link] * seconds


@inlined
def queued_bytes(paths, state, flow):
    """Of a flow, in all queues."""
    return state.crossed[paths.indptr[flow]] - state.crossed[paths.indptr[flow + 1] - 1]


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
    if fresh > 0:
        _list_live(links, state)
    return fresh


@part
def dismiss(paths, links, state, negligible):
    """Take the flows off their links whose bytes have gone but for a `negligible` rest: it is nobody's from now on, and
    waits before every link that it has still to cross."""
    i, before = 0, state.size[ACTIVE]
    while i < state.size[ACTIVE]:
        flow = state.active[i]
        if state.sending[flow] or queued_bytes(paths, state, flow) > negligible:
            i += 1
            continue
        begin = paths.indptr[flow]
        whole = state.crossed[begin]
        for hop in range(begin, paths.indptr[flow + 1]):
            link = paths.hop_link[hop]
            if hop > begin:
                waiting = state.crossed[hop - 1] - state.crossed[hop]
                state.entered[paths.hop_link[hop - 1]] -= waiting
                state.loose[link] += whole - state.crossed[hop]
                state.before[link] += whole - state.crossed[hop] - waiting
            state.in_use[link] -= 1
            state.ending[link] -= 1
            last = state.slot[links.first[link] + state.in_use[link]]
            state.slot[state.place[hop]] = last
            state.place[last] = state.place[hop]
        for hop in range(begin, paths.indptr[flow + 1]):
            state.crossed[hop] = state.was_crossed[hop] = whole
        state.size[ACTIVE] -= 1
        state.active[i] = state.active[state.size[ACTIVE]]
    if state.size[ACTIVE] < before:
        _drop_idle(state)


@part
def _list_live(links, state):
    count = 0
    for link in range(len(links.rate)):
        if state.in_use[link] > 0 or state.loose[link] > 0.0:
            state.live[count] = link
            count += 1
    state.size[LIVE] = count


@part
def _drop_idle(state):
    count = 0
    for i in range(state.size[LIVE]):
        link = state.live[i]
        if state.in_use[link] > 0 or state.loose[link] > 0.0:
            state.live[count] = link
            count += 1
        else:
            state.before[link] = state.entered[link] = state.was_entered[link] = state.leaving[link] = 0.0
            state.stood[link] = state.queued[link] = state.gone[link] = 0.0
    state.size[LIVE] = count
