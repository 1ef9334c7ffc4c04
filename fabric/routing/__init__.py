"""Routing rules: (source, destination, entropy) to a path, or to the fractional equal-cost split."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import UnknownNameError
from ..graph import Fabric
from .d_mod_k import d_mod_k
from .ecmp import ecmp
from .ports import ScaleUp, scale_up
from .router import Paths, Router, Spread

RULES: Mapping[str, Callable[[Fabric, int], Router]] = {"d-mod-k": d_mod_k, "ecmp": ecmp}
ROUTING_RULES = ("auto", *RULES)


def router_for(fabric: Fabric, rule: str = "auto", seed: int = 0) -> Router:
    """The router of this rule. `auto`: d-mod-k on InfiniBand, ecmp on Ethernet. Raises UnknownNameError."""
    if rule == "auto":
        rule = "d-mod-k" if fabric.meta.get("network", "infiniband") == "infiniband" else "ecmp"
    if rule not in RULES:
        raise UnknownNameError.of("routing rule", rule, ROUTING_RULES)
    return RULES[rule](fabric, seed)


__all__ = ["ROUTING_RULES", "Paths", "Router", "ScaleUp", "Spread", "router_for", "scale_up"]
