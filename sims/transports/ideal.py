"""Ideal: every transfer spreads fractionally over all its equal-cost paths, without headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.graph import Fabric
from ...fabric.routing import Router
from ...fabric.spec import Spec
from .base import Floats, Ranks, Subflows, Transport


class IdealParameters(Spec):
    """None: it has no packets."""


@dataclass(frozen=True)
class Ideal(Transport):
    name = "ideal"

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        return Subflows.along(router.spread(src, dst))

    def limits(self, fabric: Fabric) -> Floats:
        return np.ones(fabric.links)

    def assumptions(self) -> list[str]:
        return ["Network traffic spreads evenly over all equal-cost paths, without headers."]
