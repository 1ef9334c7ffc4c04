"""Collective operations: algorithms as schedules, timed on the network."""

from .simulate import collective, collective_time_s
from .together import collectives_at_once

__all__ = ["collective", "collective_time_s", "collectives_at_once"]
