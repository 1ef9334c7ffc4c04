"""What a transport is asked: how transfers become subflows with their links, what share of a link's rate is payload,
and who gets what of a contended link."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...fabric.errors import Fault
from ...fabric.graph import Fabric, LinkKind
from ...fabric.routing import FIVE_TUPLE, Hashing, Router
from .fair import share_fairly
from .packets import Packets
from .subflows import Batch, Delivery, Floats, Lines, Ranks, Subflows


class Transport:
    """Base of every transport. `split` and `limits` are its own; flows share links max-min fairly, each within its
    window, unless `congest` says otherwise."""

    name: ClassVar[str]
    packets: Packets | None
    load_rules: ClassVar[tuple[str, ...]] = ()
    """Rules of `adaptive.LOAD_RULES` that its switches have."""
    hashing: Hashing = FIVE_TUPLE
    """What its switches hash where they choose paths so."""

    def rule(self, fabric: Fabric) -> str:
        """The routing rule that `routing="auto"` means under this transport."""
        return "auto"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        """The subflows of transfers between pairs of ranks, with the paths of their acknowledgements where these take
        a part of the links. Raises RoutingError for pairs without a path."""
        raise NotImplementedError

    def limits(self, fabric: Fabric) -> Floats:
        """Per directed link, the share of its line rate that carries payload; 1 on links that are not this
        transport's."""
        share = 1.0 if self.packets is None else self.packets.share
        return np.where(fabric.link_kind == LinkKind.NETWORK, share, 1.0)

    def allocate(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        """Carry the batch with paths and windows as they are, every link shared fairly."""
        return share_fairly(self.packets, lines, batch, certify)

    def congest(self, lines: Lines, batch: Batch, certify: bool) -> Delivery:
        """Carry the batch with all that this transport does when links are contended."""
        return self.allocate(lines, batch, certify)

    def level_fault(self) -> Fault | None:
        """Why service levels of flows do nothing under it, if they do nothing."""
        return Fault(f"does nothing: {self.name} has no lanes", "leave the column out", field="sl")

    def assumptions(self) -> list[str]:
        """What a result under this transport rests on, in sentences."""
        raise NotImplementedError
