"""The explanation of one flow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...fabric.graph import LinkKind
from ..network import Network
from .case import Case
from .causes import MEANINGS
from .evidence import Evidence
from .links import LinkReport, link_report


@dataclass(frozen=True)
class Cause:
    """`seconds` that `cause` adds to the flow's completion, and what it is in words."""

    cause: str
    seconds: float
    meaning: str


@dataclass(frozen=True)
class FlowExplanation:
    """A flow's completion time by cause, beside the time it takes on an empty network; the links of the switched
    network on its way; and the link at the root of its trouble with the flows that fill it. `flow` and `culprits` are
    as the input names them; `slowdown` is the completion time over that on an empty network."""

    flow: Any
    fct_s: float
    empty_network_s: float
    goodput_bps: float
    causes: tuple[Cause, ...]
    path: tuple[LinkReport, ...]
    root: str
    victim: bool
    culprits: tuple[Any, ...]
    slowdown: float
    main_cause: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def explain_flow(evidence: Evidence, flow: int) -> FlowExplanation:
    """Explain transfer number `flow`."""
    network, case, rows = evidence.network, evidence.case, evidence.causes
    return FlowExplanation(
        evidence.names.tolist()[flow],
        float(evidence.fct_s[flow]),
        float(rows.empty_network_s[flow]),
        float(evidence.goodput_bps[flow]),
        tuple(Cause(cause, float(seconds[flow]), MEANINGS[cause]) for cause, seconds in rows.seconds.items()),
        tuple(link_report(network, case, evidence.fillers, at, evidence.names) for at in _way(network, case, flow)),
        evidence.root_label(flow),
        bool(evidence.roots.victim[flow]),
        evidence.culprits(flow),
        float(rows.slowdown[flow]),
        rows.main[flow],
    )


def _way(network: Network, case: Case, flow: int) -> list[int]:
    """Lanes of links of the switched network that the flow takes, in the order in which they are first taken."""
    channels = case.channels[np.isin(case.flows.owner, np.flatnonzero(case.flows.transfer == flow))]
    channels = channels[network.fabric.link_kind[channels // case.lanes] == LinkKind.NETWORK]
    return [int(channel) for channel in dict.fromkeys(channels.tolist())]
