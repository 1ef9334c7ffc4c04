"""What a switch's hash sees of a packet, and whether all switches hash alike.

The two addresses and the UDP or TCP source port: destination port and protocol are the same everywhere, so this is the
five-tuple. Every queue pair (socket) has a source port of its own, 14 bits of it (rdma-core, `util/udp_sport.h`:
0xC000 + 14 bits). A switch that does not look at the port gives all queue pairs of two ends one path.

Where all switches have one hash and one seed, the tiers polarise: of m1 ports at the first tier, those flows that come
by port c have hash = c (mod m1), and of m2 ports at the next they use the m2 / gcd(m1, m2) that agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._choice_kernels import HASH, choose_each
from .router import Ranks, Rule

FIELDS = ("src", "dst", "sport")
_PORT_BITS = 14
_OF_PORTS = 0x53504F5254  # sets the draw of source ports apart from the draws of paths

Header = tuple[Ranks, Ranks, npt.NDArray[np.uint64]]


@dataclass(frozen=True)
class Hashing:
    """`fields`: those of FIELDS that are hashed; `alike`: every switch has the same hash and the same seed."""

    fields: tuple[str, ...] = FIELDS
    alike: bool = False

    def seen(self, src: Ranks, dst: Ranks, queue_pair: npt.NDArray[np.uint64]) -> Header:
        """Source, destination and port as switches hash them: 0 for what they do not look at."""
        ends = [end if field in self.fields else np.zeros_like(end) for field, end in (("src", src), ("dst", dst))]
        if "sport" not in self.fields:
            return ends[0], ends[1], np.zeros_like(queue_pair)
        return ends[0], ends[1], queue_pair if {"src", "dst"} <= set(self.fields) else self._ports(src, dst, queue_pair)

    @staticmethod
    def _ports(src: Ranks, dst: Ranks, queue_pair: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """As adapters draw them. Beside both addresses the number of the queue pair says as much."""
        draw = Rule(HASH, _OF_PORTS)
        return choose_each(draw, src, dst, queue_pair, np.full(len(src), 1 << _PORT_BITS)).astype(np.uint64)


FIVE_TUPLE = Hashing()
