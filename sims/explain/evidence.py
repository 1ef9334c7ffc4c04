"""What is known of all flows of a case once they have been run again with less detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Network
from .case import Case, Floats
from .causes import Causes, causes
from .fillers import Fillers
from .roots import Roots, roots

MOST_CULPRITS = 10


@dataclass(frozen=True)
class Evidence:
    """Of each flow of a case: causes, roots, and who fills the links; `names` are the flows' own."""

    network: Network
    case: Case
    names: npt.NDArray[Any]
    causes: Causes
    roots: Roots
    fillers: Fillers

    @classmethod
    def of(cls, network: Network, case: Case, names: npt.NDArray[Any]) -> Evidence:
        """Raises what running the flows again raises."""
        fillers = Fillers.of(case, network.fabric.links)
        return cls(network, case, names, causes(network, case), roots(network, case), fillers)

    @property
    def fct_s(self) -> Floats:
        return self.case.finish_s - self.case.start_s

    @property
    def goodput_bps(self) -> Floats:
        """0 for a flow that takes no time."""
        fct_s = self.fct_s
        return np.divide(8 * self.case.size_bytes, fct_s, out=np.zeros_like(fct_s), where=fct_s > 0)

    def root_label(self, flow: int) -> str:
        """The link at the root of its trouble; empty for a flow that crosses no link."""
        channel = int(self.roots.channel[flow])
        return self.case.label(self.network.fabric, channel) if channel >= 0 else ""

    def culprits(self, flow: int) -> tuple[Any, ...]:
        """Those that fill the root, most bytes first, without the flow itself."""
        channel = int(self.roots.channel[flow])
        if channel < 0:
            return ()
        first = self.fillers.on(channel)[0][: MOST_CULPRITS + 1]
        return tuple(self.names[first[first != flow]].tolist()[:MOST_CULPRITS])
