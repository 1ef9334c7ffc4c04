"""Why flows took as long as they did: the causes of their slowdown, the links on their way, and who fills them."""

from __future__ import annotations

from .case import Case
from .evidence import Evidence
from .flow import FlowExplanation, explain_flow
from .report import TrafficReport, report

__all__ = ["Case", "Evidence", "FlowExplanation", "TrafficReport", "explain_flow", "report"]
