"""What a fabric is worth: counts, distances, cuts, power and price. One metric, one file."""

from .summary import Summary, summary

__all__ = ["Summary", "summary"]
