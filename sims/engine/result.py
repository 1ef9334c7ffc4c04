"""What a run of the engine leaves."""

from __future__ import annotations

from dataclasses import dataclass

from .record import LinkRecord
from .validate import Floats


@dataclass(frozen=True)
class Effort:
    """What a run took: instants at which anything changed, flows that got another bottleneck then (all that start and
    end among them), and incidences of flows and links read to find out. Symmetric runs count classes."""

    events: int
    moved: int
    read: int


@dataclass(frozen=True)
class FlowResult:
    """Times and mean rates per flow, in input order, and bytes per link.

    `rate_bps` is bits / (finish - start); it is inf for a flow that ends as it starts, having no bytes. `record` is
    there if it was asked for.
    """

    start_s: Floats
    finish_s: Floats
    rate_bps: Floats
    link_bytes: Floats
    effort: Effort
    record: LinkRecord | None = None

    @property
    def makespan_s(self) -> float:
        """Time of the last finish, from 0."""
        return float(self.finish_s.max(initial=0.0))
