"""What a fabric is worth: counts, distances, cuts, loads, resilience, power and price. One metric, one file."""

from .measures import Measures, measures
from .resilience import Resilience, resilience
from .summary import Summary, summary

__all__ = ["Measures", "Resilience", "Summary", "measures", "resilience", "summary"]
