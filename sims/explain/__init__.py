"""Why a flow took as long as it did: the causes of its slowdown, the links on its way, and who fills them."""

from __future__ import annotations

from .flow import FlowExplanation, explain_flow

__all__ = ["FlowExplanation", "explain_flow"]
