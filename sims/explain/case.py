"""What is asked about: flows that were run, with everything known of the run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric
from ..transports import Queues, Subflows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Transfers between ranks, the subflows they became, and when each was done; `given_routes`: paths were not
    chosen; `queues`: what stood in front of the links, where the run knows."""

    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    size_bytes: Floats
    start_s: Floats
    flows: Subflows
    finish_s: Floats
    link_bytes: Floats
    queues: Queues | None = None
    given_routes: bool = False

    @property
    def lanes(self) -> int:
        """How many each link has, in the terms of the run."""
        return 1 if self.queues is None else self.queues.lanes

    @cached_property
    def channels(self) -> npt.NDArray[np.int64]:
        """Of each entry of the subflows' links the link and lane, as link * lanes + lane."""
        links = self.flows.links.astype(np.int64)
        if self.queues is None or self.queues.lane_of is None:
            return links
        return links * self.lanes + self.queues.lane_of

    def label(self, fabric: Fabric, channel: int) -> str:
        """Its name, with the lane where there are several."""
        link, lane = divmod(channel, self.lanes)
        name = fabric.link_label(link)
        return name if self.lanes == 1 else f"{name} lane {lane}"

    @property
    def pushed_back(self) -> bool:
        """Whether some buffer held back the link before it."""
        return self.queues is not None and bool((self.queues.held_share > 0).any())

    @cached_property
    def entry_bytes(self) -> Floats:
        """Payload of each entry of the subflows' links."""
        owner = self.flows.owner
        return np.asarray(self.flows.shares * self.flows.part[owner] * self.size_bytes[self.flows.transfer[owner]])

    @property
    def duration_s(self) -> float:
        """From the first start to the last finish."""
        return float(self.finish_s.max() - self.start_s.min())
