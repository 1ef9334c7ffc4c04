"""What takes longer than a summary: distances, path diversity, and what a routing makes of the wiring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ..errors import RoutingError
from ..graph import Fabric
from ..routing import router_for
from .distance import Distances, distances
from .effective_bisection import EffectiveBisection, effective_bisection
from .path_diversity import PathDiversity, path_diversity
from .switch_graph import switch_graph
from .uniform_load import UniformLoad, uniform_load

T = TypeVar("T")


@dataclass(frozen=True)
class Measures:
    """Metrics of a fabric under a routing; None where one means nothing, as in a fabric without switches, or cannot be
    had, which `assumptions` say."""

    distances: Distances
    path_diversity: PathDiversity | None
    uniform_load: UniformLoad | None
    effective_bisection: EffectiveBisection | None
    assumptions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measures(fabric: Fabric, routing: str = "auto", seed: int = 0) -> Measures:
    """Measure a fabric as `routing` uses it. Raises UnknownNameError."""
    graph, router = switch_graph(fabric), router_for(fabric, routing, seed)
    load, no_load = _had("uniform traffic", lambda: uniform_load(fabric, router, seed))
    half, no_half = _had("effective bisection", lambda: effective_bisection(fabric, router, seed))
    return Measures(distances(graph, seed), path_diversity(graph, seed), load, half, (*no_load, *no_half))


def _had(name: str, measure: Callable[[], T]) -> tuple[T | None, tuple[str, ...]]:
    """The measure, or why it cannot be had."""
    try:
        return measure(), ()
    except RoutingError as error:
        return None, (f"no {name}: {error.faults[0].message}",)
