"""Fabrics do not change: what follows from one alone is worked out once, and kept with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from .graph import Fabric

Fact = TypeVar("Fact")


def fact(find: Callable[[Fabric], Fact]) -> Callable[[Fabric], Fact]:
    """Make `find` look at a fabric once. All callers share what it returns: none may change it."""
    name = f"{find.__module__}.{find.__qualname__}"

    @wraps(find)
    def known(fabric: Fabric) -> Fact:
        if name not in fabric.facts:
            fabric.facts[name] = find(fabric)
        found: Fact = fabric.facts[name]
        return found

    return known
