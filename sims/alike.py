"""Groups of ranks that are copies of one another, of which one set stands for all."""

from __future__ import annotations

import numpy as np

from ..fabric.graph import LinkKind
from .network import Network
from .workloads.groups import Ranks


def representatives(network: Network, groups: Ranks) -> Ranks:
    """Those of `groups` that must be run to know the time of all at once.

    Groups that stay inside one scale-up domain each meet nobody from other domains; of domains whose groups have the
    same places, accelerators and scale-up rates one is enough. All groups, where any leaves its domain.
    """
    domain = network.domains[groups]
    if (domain < 0).any() or (domain != domain[:, :1]).any():
        return groups
    fabric = network.fabric
    inside = (fabric.link_kind != LinkKind.NETWORK) & (fabric.link_kind != LinkKind.PCIE)
    rates_bps = np.bincount(fabric.link_source[inside], weights=network.payload_bps[inside], minlength=fabric.nodes)[
        fabric.endpoints
    ]
    kind = fabric.column("device")[fabric.endpoints]
    _, first, number = np.unique(network.domains, return_index=True, return_inverse=True)
    place = np.arange(fabric.ranks) - first[number]
    kept: dict[bytes, list[int]] = {}
    owner = domain[:, 0]
    order = np.argsort(owner, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
        ranks = groups[rows]
        looks = np.stack((place[ranks], kind[ranks], rates_bps[ranks])).tobytes()
        kept.setdefault(looks, rows.tolist())
    return groups[sorted(row for rows in kept.values() for row in rows)]
