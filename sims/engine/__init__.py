"""The flow engine: who gets what of a contended link, and when each flow ends."""

from .changes import Changes
from .events import simulate_flows
from .max_min import max_min_rates
from .record import LinkRecord
from .result import Effort, FlowResult

__all__ = ["Changes", "Effort", "FlowResult", "LinkRecord", "max_min_rates", "simulate_flows"]
