"""Routing rules: (source, destination, entropy) to a path, or to its fractional split over all ways the rule allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import UnknownNameError
from ..graph import Fabric
from .d_mod_k import d_mod_k
from .dor import dor
from .ecmp import ecmp
from .equal_cost import is_tree
from .hashing import FIVE_TUPLE, Hashing
from .minimal import minimal
from .ports import ScaleUp, adapters, domains, scale_up
from .router import Paths, Router, Spread
from .s_mod_k import s_mod_k
from .table_file import PREFIX, table_file
from .updn import updn
from .valiant import valiant
from .wcmp import wcmp

RULES: Mapping[str, Callable[[Fabric, int], Router]] = {
    "d-mod-k": d_mod_k,
    "dor": dor,
    "ecmp": ecmp,
    "minimal": minimal,
    "s-mod-k": s_mod_k,
    "updn": updn,
    "valiant": valiant,
    "wcmp": wcmp,
}
ROUTING_RULES = ("auto", *RULES)

HASHED: Mapping[str, Callable[[Fabric, int, Hashing], Router]] = {"ecmp": ecmp, "wcmp": wcmp}
"""Rules whose switches hash a header."""

BY_FLOW = (*HASHED, "valiant")
"""Rules under which flows of one pair may take unlike paths."""

_STATIC = {
    "dragonfly": "minimal",
    "dragonfly_plus": "minimal",
    "slim_fly": "minimal",
    "torus": "dor",
    "mesh": "dor",
    "hyperx": "dor",
}


def router_for(fabric: Fabric, rule: str = "auto", seed: int = 0, hashing: Hashing = FIVE_TUPLE) -> Router:
    """The router of this rule; `table:FILE` reads forwarding tables. `auto` is `static_rule` on InfiniBand, ecmp on
    Ethernet. `hashing` concerns the rules of HASHED.

    Raises UnknownNameError, RoutingError where the fabric does not have what the rule needs, ParseError.
    """
    if rule == "auto":
        rule = static_rule(fabric) if fabric.meta.get("network", "infiniband") == "infiniband" else "ecmp"
    if str(rule).startswith(PREFIX):
        return table_file(fabric, rule.removeprefix(PREFIX))
    if rule not in RULES:
        raise UnknownNameError.of("routing rule", rule, (*ROUTING_RULES, PREFIX + "FILE"))
    return HASHED[rule](fabric, seed, hashing) if rule in HASHED else RULES[rule](fabric, seed)


def static_rule(fabric: Fabric) -> str:
    """The rule by which forwarding tables suit this fabric: d-mod-k on trees, else its family's own, else updn.
    A twisted torus has no dimension order."""
    if is_tree(fabric):
        return "d-mod-k"
    twisted = bool(fabric.meta.get("parameters", {}).get("twist"))
    if fabric.meta.get("hosts_forward") or twisted:
        return "minimal"
    return _STATIC.get(fabric.meta.get("family", ""), "updn")


__all__ = [
    "BY_FLOW",
    "FIVE_TUPLE",
    "HASHED",
    "ROUTING_RULES",
    "Hashing",
    "Paths",
    "Router",
    "ScaleUp",
    "Spread",
    "adapters",
    "domains",
    "router_for",
    "scale_up",
    "static_rule",
]
