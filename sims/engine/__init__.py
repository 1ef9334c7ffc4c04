"""The flow engine: who gets what of a contended link, and when each flow ends."""

from .changes import Changes
from .events import simulate_flows
from .max_min import max_min_rates
from .phases import Phase, PhasesResult, simulate_phases
from .record import LinkRecord
from .result import Effort, FlowResult

__all__ = [
    "Changes",
    "Effort",
    "FlowResult",
    "LinkRecord",
    "Phase",
    "PhasesResult",
    "max_min_rates",
    "simulate_flows",
    "simulate_phases",
]
