"""Collective operations: algorithms as schedules, timed on the network."""

from .simulate import collective, collective_time_s

__all__ = ["collective", "collective_time_s"]
