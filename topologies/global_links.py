"""Which groups the global ports of a dragonfly join.

G global ports per group, numbered over its routers, and g - 1 other groups: floor(G / (g - 1)) rounds of one cable to
each other group, then cables to the nearest groups on a ring from the surplus ports. In a round, port o of group i
leads to group

- consecutive: o if o < i else o + 1;
- relative: i + o + 1 mod g;
- palmtree: i - o - 1 mod g, the mirror image of relative.

Names after Camarero, Vallejo, Beivide, "Topological characterization of Hamming and dragonfly networks and its
implications on routing", ACM TACO 2014, and Hastings et al., "Comparing global link arrangements for dragonfly
networks", CLUSTER 2015 (general knowledge, not opened).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Arrangement = Literal["palmtree", "consecutive", "relative"]
Integers = npt.NDArray[np.int64]


class GlobalLinks(NamedTuple):
    """Each cable once: the groups at its ends, and the number of the global port in each."""

    group: Integers
    port: Integers
    other_group: Integers
    other_port: Integers


def global_links(groups: int, ports: int, arrangement: Arrangement) -> GlobalLinks:
    """All global cables of `groups` groups with `ports` global ports each, groups - 1 <= ports. Every port is used, but
    for a single one when groups * ports is odd."""
    rounds = ports // (groups - 1)
    parts = [_rounds(groups, arrangement, rounds), *_surplus(groups, ports, rounds * (groups - 1))]
    return GlobalLinks(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _rounds(groups: int, arrangement: Arrangement, rounds: int) -> GlobalLinks:
    """One cable between each two groups, `rounds` times."""
    group, port = np.divmod(np.arange(groups * (groups - 1)), groups - 1)
    if arrangement == "consecutive":
        peer = port + (port >= group)
        peer_port = group - (group > peer)
    else:
        peer = (group + port + 1 if arrangement == "relative" else group - port - 1) % groups
        peer_port = groups - 2 - port
    once, first = group < peer, np.arange(rounds)[:, None] * (groups - 1)
    ends = np.tile(group[once], rounds), np.tile(peer[once], rounds)
    return GlobalLinks(ends[0], (first + port[once]).ravel(), ends[1], (first + peer_port[once]).ravel())


def _surplus(groups: int, ports: int, used: int) -> list[GlobalLinks]:
    """Two ports per distance 1, 2, ... on a ring of groups; a last odd port to the group opposite, or nearly so."""
    every, left = np.arange(groups), ports - used
    rings = [
        GlobalLinks(every, np.full(groups, used + 2 * d), (every + d + 1) % groups, np.full(groups, used + 2 * d + 1))
        for d in range(left // 2)
    ]
    if left % 2 == 0:
        return rings
    half = groups // 2
    farthest = every * half % groups  # each group and the next lie half a ring apart, farther than any ring above
    one, other = (every[:half], every[half:]) if groups % 2 == 0 else (farthest[: 2 * half : 2], farthest[1::2])
    last = np.full(half, ports - 1)
    return [*rings, GlobalLinks(one, last, other, last)]
