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
    """Per transfer, the directed link at the root of the congestion that it meets, -1 if it crosses none; a `victim`
    does not cross that link."""

    link: npt.NDArray[np.int64]
    victim: npt.NDArray[np.bool_]


def roots(network: Network, case: Case) -> Roots:
    """From the most held back of a flow's links on, along the longest queues, to a link that nothing holds back; the
    fullest of its own links where none is held back."""
    flows, links = case.flows, network.fabric.links
    transfer = flows.transfer[flows.owner]
    link = _most(transfer, flows.links, case.link_bytes / network.payload_bps, len(case.size_bytes))
    if case.queues is not None and case.pushed_back:
        held = case.queues.held_share
        worst = _most(transfer, flows.links, held, len(case.size_bytes))
        end = {int(start): _end(case, int(start)) for start in np.unique(worst[worst >= 0]) if held[start] > 0}
        link = np.array([end.get(int(at), int(own)) for at, own in zip(worst, link, strict=True)], dtype=np.int64)
    crosses = np.isin(np.arange(len(link)) * links + link, transfer * links + flows.links)
    return Roots(link, (link >= 0) & ~crosses)


def _most(
    transfer: npt.NDArray[np.int64], links: npt.NDArray[np.int32], weight: Floats, transfers: int
) -> npt.NDArray[np.int64]:
    """Of each transfer's links the one of the most weight, the lowest number among equals."""
    order = np.lexsort((links, -weight[links], transfer))
    ordered = transfer[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])[: len(ordered)]
    most = np.full(transfers, -1, dtype=np.int64)
    most[ordered[first]] = links[order[first]]
    return most


def _end(case: Case, link: int) -> int:
    """Where the longest queues behind a link lead."""
    assert case.queues is not None
    follows = case.flows.owner[1:] == case.flows.owner[:-1]
    here, there = case.flows.links[:-1][follows], case.flows.links[1:][follows]
    seen = set()
    while link not in seen:
        seen.add(link)
        behind = np.unique(there[here == link])
        if not len(behind) or case.queues.held_share[link] == 0:
            return link
        link = int(behind[np.argmax(case.queues.mean_bytes[behind])])
    return link
