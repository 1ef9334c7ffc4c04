"""What holds a flow up: the fullest link on its way, or the full link behind a buffer that stands in its way.

A victim meets no full link itself: a link on its way is held back because bytes of others that came over it wait for a
link that the victim does not take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Network
from .case import Case, Floats


@dataclass(frozen=True)
class Roots:
    """Per transfer, the directed link and lane at the root of the congestion that it meets, -1 if it crosses none; a
    `victim` does not cross that link."""

    channel: npt.NDArray[np.int64]
    victim: npt.NDArray[np.bool_]


def roots(network: Network, case: Case) -> Roots:
    """From the most held back of a flow's links on, along the longest queues, to a link that nothing holds back; the
    fullest of its own links where none is held back."""
    flows, channels, links = case.flows, case.channels, network.fabric.links
    transfer = flows.transfer[flows.owner]
    load = np.repeat(case.link_bytes / network.payload_bps, case.lanes)
    root = _most(transfer, channels, load, len(case.size_bytes))
    if case.queues is not None and case.pushed_back:
        held = case.queues.held_share
        worst = _most(transfer, channels, held, len(case.size_bytes))
        end = {int(start): _end(case, int(start)) for start in np.unique(worst[worst >= 0]) if held[start] > 0}
        root = np.array([end.get(int(at), int(own)) for at, own in zip(worst, root, strict=True)], dtype=np.int64)
    crosses = np.isin(np.arange(len(root)) * links + root // case.lanes, transfer * links + flows.links)
    return Roots(root, (root >= 0) & ~crosses)


def _most(
    transfer: npt.NDArray[np.int64], channels: npt.NDArray[np.int64], weight: Floats, transfers: int
) -> npt.NDArray[np.int64]:
    """Of each transfer's channels the one of the most weight, the lowest number among equals."""
    order = np.lexsort((channels, -weight[channels], transfer))
    ordered = transfer[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(ordered)]
    most = np.full(transfers, -1, dtype=np.int64)
    most[ordered[first]] = channels[order[first]]
    return most


def _end(case: Case, channel: int) -> int:
    """Where the longest queues behind a lane of a link lead."""
    assert case.queues is not None
    follows = case.flows.owner[1:] == case.flows.owner[:-1]
    here, there = case.channels[:-1][follows], case.channels[1:][follows]
    seen = set()
    while channel not in seen:
        seen.add(channel)
        behind = np.unique(there[here == channel])
        if not len(behind) or case.queues.held_share[channel] == 0:
            return channel
        channel = int(behind[np.argmax(case.queues.mean_bytes[behind])])
    return channel
