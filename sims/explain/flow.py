"""The explanation of one flow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...fabric.graph import LinkKind
from ..network import Network
from .case import Case
from .causes import Cause, causes
from .culprits import blame
from .links import LinkReport, link_report

MOST_CULPRITS = 10


@dataclass(frozen=True)
class FlowExplanation:
    """A flow's completion time by cause, beside the time it takes on an empty network; the links of the switched
    network on its way; and the link at the root of its trouble with the flows that fill it. `flow` and `culprits` are
    as the input names them."""

    flow: Any
    fct_s: float
    empty_network_s: float
    goodput_bps: float
    causes: tuple[Cause, ...]
    path: tuple[LinkReport, ...]
    root: str
    victim: bool
    culprits: tuple[Any, ...]

    @property
    def slowdown(self) -> float:
        """Completion time over that on an empty network."""
        return self.fct_s / self.empty_network_s

    @property
    def main_cause(self) -> str:
        """Of the slowdown against an empty network."""
        return max(self.causes[4:], key=lambda row: row.seconds).cause if self.slowdown > 1.001 else "none"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "slowdown": self.slowdown, "main_cause": self.main_cause}


def explain_flow(network: Network, case: Case, names: np.ndarray, flow: int) -> FlowExplanation:
    """Explain transfer number `flow` of a case; `names` are the flows' own. Runs the flows again with less detail."""
    rows = causes(network, case, flow)
    fct_s = float(case.finish_s[flow] - case.start_s[flow])
    found = blame(network, case, flow)
    named = names.tolist()
    return FlowExplanation(
        named[flow],
        fct_s,
        sum(row.seconds for row in rows[:4]),
        8 * float(case.size_bytes[flow]) / fct_s if fct_s else np.inf,
        rows,
        tuple(link_report(network, case, link, names) for link in _way(network, case, flow)),
        network.fabric.link_label(found.link),
        found.victim,
        tuple(named[each] for each in found.culprits[:MOST_CULPRITS]),
    )


def _way(network: Network, case: Case, flow: int) -> list[int]:
    """Links of the switched network that the flow takes, in the order in which they are first taken."""
    links = case.flows.links[np.isin(case.flows.owner, np.flatnonzero(case.flows.transfer == flow))]
    links = links[network.fabric.link_kind[links] == LinkKind.NETWORK]
    return [int(link) for link in dict.fromkeys(links.tolist())]
