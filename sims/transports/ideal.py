"""Ideal: every transfer spreads fractionally over all its equal-cost paths, without headers."""

from __future__ import annotations

from dataclasses import dataclass

from ...fabric.routing import Router
from ...fabric.spec import Spec
from .base import Transport
from .subflows import Ranks, Subflows


class IdealParameters(Spec):
    """None: it has no packets."""


@dataclass(frozen=True)
class Ideal(Transport):
    name = "ideal"
    packets = None

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        return Subflows.along(router.spread(src, dst))

    def assumptions(self) -> list[str]:
        return ["Network traffic spreads evenly over all equal-cost paths, without headers."]
