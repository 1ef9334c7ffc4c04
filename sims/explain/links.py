"""What a link carried, for whom, and how long it stood still: per directed link and lane, with the counters of
`perfquery`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ..network import Network
from .case import Case
from .fillers import Fillers

WORD_BYTES = 4
"""PortXmitData counts words of four bytes (InfiniBand Architecture Specification, volume 1, section 16.1.3.5), and a
tick of PortXmitWait is here the time of one. Where a link has several lanes the counters are each lane's, as in
PortVLXmitWaitCounters (`perfquery --vlxmitcounters`)."""

MOST_FILLERS = 5


@dataclass(frozen=True)
class Filler:
    """A flow's share of what a link carried."""

    flow: Any
    share: float


@dataclass(frozen=True)
class LinkReport:
    """A directed link between first start and last finish: fraction of its payload rate in use; transfers that crossed
    it; fraction of the time in which the buffer behind it held it back; mean bytes before it; words sent, and words
    that could have been sent while it was held back; who filled it, most first. Where it has several lanes, all that
    is one `lane`'s."""

    link: str
    lane: int
    utilisation: float
    flows: int
    pause_share: float
    mean_queue_bytes: float
    xmit_data: int
    xmit_wait: int
    filled_by: tuple[Filler, ...]


def link_report(network: Network, case: Case, fillers: Fillers, channel: int, names: npt.NDArray[Any]) -> LinkReport:
    """The report of a lane of a link; `names` are the flows' own."""
    fabric, duration_s = network.fabric, case.duration_s
    link, lane = divmod(channel, case.lanes)
    transfers, by_transfer = fillers.on(channel)
    carried = float(by_transfer.sum())
    held = 0.0 if case.queues is None else float(case.queues.held_share[channel])
    queue = 0.0 if case.queues is None else float(case.queues.mean_bytes[channel])
    share = float(network.payload_bps[link] / fabric.capacity_bps[link])
    capacity_words = fabric.capacity_bps[link] / 8 / WORD_BYTES * duration_s
    most = zip(names[transfers[:MOST_FILLERS]].tolist(), by_transfer[:MOST_FILLERS].tolist(), strict=True)
    return LinkReport(
        case.label(fabric, channel),
        lane,
        8 * carried / (network.payload_bps[link] * duration_s) if duration_s else 0.0,
        len(transfers),
        held,
        queue,
        round(carried / share / WORD_BYTES),
        round(held * capacity_words),
        tuple(Filler(name, part / carried) for name, part in most),
    )
