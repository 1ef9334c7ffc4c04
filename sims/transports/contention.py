"""Which links are contended, and by how many flows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.graph import LinkKind
from .control import Contention
from .delays import Delays
from .subflows import Batch, Floats, Lines

_ROUNDING = 1e-9
_LEAST_RTT_S = 1e-9


@dataclass(frozen=True)
class Crowd:
    """Links of the switched network that carry anything: `links` are their ids, `all` what a law is told of each,
    `offered_bps` what senders at line rate send there, and `contended` those where that is more than fits."""

    links: npt.NDArray[np.int64]
    all: Contention
    offered_bps: Floats

    @property
    def contended(self) -> npt.NDArray[np.bool_]:
        return self.offered_bps > self.all.capacity_bps * (1 + _ROUNDING)


def crowd(lines: Lines, batch: Batch, finish_s: Floats, delay: Delays, most_bps: Floats) -> Crowd:
    """The links of a batch whose subflows last from their start to `finish_s` (infinite: all at once). Flows of one
    sender share its line rate, and none offers more than its `most_bps`."""
    entry, link = _network_entries(lines, batch)
    flow = batch.flows.owner[entry]
    taken = np.bincount(link, minlength=lines.fabric.links) > 0
    used, place = np.flatnonzero(taken), (np.cumsum(taken) - 1)[link]
    share = batch.flows.shares[entry]
    spans = batch.start_s[flow], finish_s[flow]
    flows = _peak(place, spans, share, len(used))
    capacity_bps = lines.fabric.capacity_bps[used]
    own = capacity_bps[place] / flows[place]
    first = np.full(len(batch.flows), np.inf)
    first[flow[::-1]] = (own / share)[::-1]  # the first hop is written last, and stays
    offered_bps = _peak(place, spans, np.minimum(first, most_bps)[flow] * share, len(used))
    count = np.bincount(place, minlength=len(used))
    trip = np.where(np.isnan(delay.round_s), 0.0, delay.round_s)
    rtt_s = np.bincount(place, trip[flow], len(used)) / count
    hops = np.bincount(flow, share, len(batch.flows))
    switches = np.bincount(place, hops[flow] - 1, len(used)) / count
    told = Contention(
        capacity_bps, np.maximum(np.round(flows), 1.0), np.maximum(rtt_s, _LEAST_RTT_S), np.maximum(switches, 1.0)
    )
    return Crowd(used, told, offered_bps)


def _network_entries(lines: Lines, batch: Batch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Entries of the batch's links on the switched network, of subflows that have bytes, and their links."""
    flows = batch.flows
    kept = (lines.fabric.link_kind[flows.links] == LinkKind.NETWORK) & (batch.size_bytes > 0)[flows.owner]
    entry = np.flatnonzero(kept)
    return entry, flows.links[entry].astype(np.int64)


def _peak(place: npt.NDArray[np.int64], spans: tuple[Floats, Floats], weight: Floats, places: int) -> Floats:
    """The most weight that is under way at once at each place; what ends when another begins does not meet it."""
    start_s, end_s = spans
    if not np.isfinite(end_s).any():
        return np.bincount(place, weight, places).astype(np.float64)
    at = np.concatenate((place, place))
    change = np.concatenate((weight, -weight))
    begins = np.repeat([1, 0], len(place))
    order = np.lexsort((begins, np.concatenate((start_s, end_s)), at))
    under_way = np.cumsum(change[order])
    first = np.searchsorted(at[order], np.arange(places))
    before = np.concatenate(([0.0], under_way))[first]
    return np.asarray(np.maximum.reduceat(under_way, first) - before if places else np.empty(0))
