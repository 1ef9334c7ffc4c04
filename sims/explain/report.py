"""The report of a run: every flow with its slowdown and cause, every link with who filled it, every victim with its
culprits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .evidence import Evidence
from .links import LinkReport, link_report

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Victim:
    """A flow that waits behind a buffer full of others' bytes, the full link that it does not cross, and those that
    fill it, most bytes first."""

    flow: Any
    slowdown: float
    root: str
    culprits: tuple[Any, ...]


@dataclass(frozen=True)
class TrafficReport:
    """`flows` has one entry per flow in input order: completion time, that on an empty network, goodput, slowdown, main
    cause, the link at its root, whether the flow is a victim, and the seconds of each cause. `links` are those that
    carried anything, `link_rows` their places in a table of the links that did; a link has a row for each of its
    lanes."""

    flows: Columns
    links: tuple[LinkReport, ...]
    link_rows: npt.NDArray[np.int64]
    victims: tuple[Victim, ...]

    def link_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Flows, pauses, queues and perfquery's counters of the links, as columns beside those of `link_table`."""
        names = ("lane", "flows", "pause_share", "mean_queue_bytes", "xmit_data", "xmit_wait")
        filled = [", ".join(f"{filler.flow} ({filler.share:.1%})" for filler in link.filled_by) for link in self.links]
        columns = {name: np.array([getattr(link, name) for link in self.links]) for name in names}
        return {**columns, "filled_by": np.array(filled)}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, one row per flow, link and victim."""
        columns = {name: column.tolist() for name, column in self.flows.items()}
        return {
            "flows": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
            "links": [asdict(link) for link in self.links],
            "victims": [asdict(victim) for victim in self.victims],
        }


def report(evidence: Evidence) -> TrafficReport:
    """The whole of what is known."""
    rows, number = evidence.causes, range(len(evidence.names))
    victim = evidence.roots.victim
    columns = {
        "flow": evidence.names,
        "fct_s": evidence.fct_s,
        "empty_network_s": rows.empty_network_s,
        "goodput_bps": evidence.goodput_bps,
        "slowdown": rows.slowdown,
        "main_cause": np.array(rows.main),
        "root": np.array([evidence.root_label(flow) for flow in number]),
        "victim": victim,
        **{f"{cause.replace(' ', '_').replace('-', '_')}_s": seconds for cause, seconds in rows.seconds.items()},
    }
    links = tuple(
        link_report(evidence.network, evidence.case, evidence.fillers, link, evidence.names)
        for link in evidence.fillers.used
    )
    named, slowdown = evidence.names.tolist(), rows.slowdown
    victims = tuple(
        Victim(named[flow], float(slowdown[flow]), evidence.root_label(flow), evidence.culprits(flow))
        for flow in np.flatnonzero(victim).tolist()
    )
    rows_of_links = np.unique(np.array(evidence.fillers.used) // evidence.case.lanes, return_inverse=True)[1]
    return TrafficReport(columns, links, rows_of_links, victims)
