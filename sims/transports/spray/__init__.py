"""Packets sprayed one by one over all paths: even loads, short waits, and rates by window and credit."""

from .run import carry_sprayed

__all__ = ["carry_sprayed"]
