"""Who holds a flow up: those it shares its fullest link with, or those whose full buffer stands in its way.

A victim meets no full link itself: a link on its way is held back because bytes of others that came over it wait for a
link that the victim does not take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .case import Case


@dataclass(frozen=True)
class Blame:
    """`link` is the directed link at the root; a `victim` does not cross it. `culprits` are the transfers that do, most
    bytes first, without the flow itself."""

    link: int
    victim: bool
    culprits: tuple[int, ...]


def blame(network: Network, case: Case, flow: int) -> Blame:
    """The root of the congestion that a flow meets."""
    own = np.unique(case.flows.links[np.isin(case.flows.owner, np.flatnonzero(case.flows.transfer == flow))])
    root = _root(network, case, own)
    entry = np.flatnonzero(case.flows.links == root)
    owner = case.flows.owner[entry]
    load = case.flows.shares[entry] * case.flows.part[owner] * case.size_bytes[case.flows.transfer[owner]]
    by_transfer = np.bincount(case.flows.transfer[owner], load, len(case.size_bytes))
    by_transfer[flow] = 0
    order = np.argsort(-by_transfer, kind="stable")
    return Blame(int(root), bool(root not in own), tuple(int(each) for each in order[: int((by_transfer > 0).sum())]))


def _root(network: Network, case: Case, own: np.ndarray) -> int:
    """From the most held back of the flow's links on, along the longest queues, to a link that nothing holds back; the
    fullest of its own links where none is held back."""
    busy = case.link_bytes[own] / network.payload_bps[own]
    fullest = int(own[np.argmax(busy)])
    if case.queues is None or not (case.queues.held_share[own] > 0).any():
        return fullest
    follows = case.flows.owner[1:] == case.flows.owner[:-1]
    here, there = case.flows.links[:-1][follows], case.flows.links[1:][follows]
    link = int(own[np.argmax(case.queues.held_share[own])])
    seen = set()
    while link not in seen:
        seen.add(link)
        behind = np.unique(there[here == link])
        if not len(behind) or case.queues.held_share[link] == 0:
            return link
        link = int(behind[np.argmax(case.queues.mean_bytes[behind])])
    return link
