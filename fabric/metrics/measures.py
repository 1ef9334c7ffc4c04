"""What takes longer than a summary: distances, path diversity, and what a routing makes of the wiring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..graph import Fabric
from ..routing import router_for
from .distance import Distances, distances
from .effective_bisection import EffectiveBisection, effective_bisection
from .path_diversity import PathDiversity, path_diversity
from .switch_graph import switch_graph
from .uniform_load import UniformLoad, uniform_load


@dataclass(frozen=True)
class Measures:
    """Metrics of a fabric under a routing; None where one means nothing, as in a fabric without switches."""

    distances: Distances
    path_diversity: PathDiversity | None
    uniform_load: UniformLoad | None
    effective_bisection: EffectiveBisection | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measures(fabric: Fabric, routing: str = "auto", seed: int = 0) -> Measures:
    """Measure a fabric as `routing` uses it. Raises UnknownNameError, and RoutingError where ranks are cut off."""
    graph, router = switch_graph(fabric), router_for(fabric, routing, seed)
    return Measures(
        distances(graph, seed),
        path_diversity(graph, seed),
        uniform_load(fabric, router, seed),
        effective_bisection(fabric, router, seed),
    )
