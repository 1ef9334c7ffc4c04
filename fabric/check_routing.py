"""What is wrong with a routing on a fabric: pairs that it loses (rule `unrouted`), and links that may wait for one
another in a circle for ever (rule `deadlock`)."""

from __future__ import annotations

from dataclasses import dataclass

from .check import Finding
from .errors import RoutingError
from .graph import Fabric
from .routing import router_for
from .routing.deadlock import Dependency, check_deadlock


@dataclass(frozen=True)
class RoutingReport:
    """`findings`, and in words which paths were looked at: `coverage`."""

    findings: tuple[Finding, ...]
    coverage: str


def check_routing(fabric: Fabric, rule: str) -> RoutingReport:
    """Look at the paths of a routing rule. Raises InputError where the fabric does not have what the rule needs."""
    router = router_for(fabric, rule)
    try:
        check = check_deadlock(fabric, router)
    except RoutingError as error:
        lost = tuple(Finding("unrouted", rule, fault.message) for fault in error.faults)
        return RoutingReport(lost, "paths up to the first that are missing")
    following = (*check.cycle[1:], *check.cycle[:1])
    waits = (_waits(fabric, here, after) for here, after in zip(check.cycle, following, strict=True))
    return RoutingReport(tuple(waits), check.coverage)


def _waits(fabric: Fabric, here: Dependency, after: Dependency) -> Finding:
    """One channel of the circle."""
    src, dst = (fabric.label(int(fabric.endpoints[rank])) for rank in (here.src, here.dst))
    where = f"{fabric.link_label(here.link)} lane {here.lane}"
    message = f"waits for {fabric.link_label(after.link)} lane {after.lane}, on the way from {src} to {dst}"
    return Finding("deadlock", where, message)
