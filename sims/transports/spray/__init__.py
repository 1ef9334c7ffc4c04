"""Packets sprayed one by one over all paths: even loads, short waits, and rates by window and credit."""

from .layout import Spraying
from .run import carry_sprayed

__all__ = ["Spraying", "carry_sprayed"]
