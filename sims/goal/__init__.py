"""GOAL schedules (Group Operation Assembly Language): read, and run on a fabric."""

from .program import Operation, Program
from .run import GoalResult, run_goal
from .syntax import read_goal

__all__ = ["GoalResult", "Operation", "Program", "read_goal", "run_goal"]
