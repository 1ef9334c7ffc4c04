"""What is left when cables or switches fail at random: seeded Monte Carlo.

In each trial the parts fail in one random order, so its curves never rise with the share that has failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import Fault, InputError
from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ..side_by_side import side_by_side
from .partition import Half, flow_bps, halvings
from .reach import reach, speakers
from .switch_graph import SwitchGraph, switch_graph

What = Literal["links", "switches"]


@dataclass(frozen=True)
class Survival:
    """With this share of the parts failed, mean and lowest over the trials, each as a share of the whole: `connected`
    pairs of endpoints, endpoints `reachable` in the largest part, `bisection` bandwidth."""

    failed_share: float
    failed: int
    connected: float
    connected_lowest: float
    reachable: float
    reachable_lowest: float
    bisection: float
    bisection_lowest: float


@dataclass(frozen=True)
class Resilience:
    """Curves over the share of `what` that has failed."""

    what: What
    parts: int
    trials: int
    curve: tuple[Survival, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"curve": [asdict(point) for point in self.curve]}


def resilience(
    fabric: Fabric, what: What, failed_shares: Sequence[float], trials: int = 10, seed: int = 0
) -> Resilience:
    """Fail that share of all network cables, or of all switches, in each trial.

    The bisection is the largest flow between the two halves that are worst off while nothing has failed. Raises
    InputError for shares outside 0..1, no trials, and fabrics without a network.
    """
    _refuse(fabric, failed_shares, trials)
    cables = np.flatnonzero(fabric.link_kind[::2] == LinkKind.NETWORK)
    parts = cables if what == "links" else fabric.of_kind(*SWITCH_KINDS)
    whole, who = switch_graph(fabric), speakers(fabric)
    half = min(halvings(fabric, whole), key=lambda low: flow_bps(whole, low))
    low = set(whole.port_owner[half].tolist())
    whole_bps = flow_bps(whole, half)

    def trial(rng: np.random.Generator) -> list[tuple[float, float, float]]:
        order = rng.permutation(parts)
        points = []
        for share in failed_shares:
            graph = switch_graph(fabric, _alive(fabric, what, order[: round(share * len(parts))]))
            points.append((*reach(who, graph), _flow_bps(graph, low) / whole_bps if whole_bps else 0.0))
        return points

    measured = np.array(side_by_side(trial, np.random.default_rng(seed).spawn(trials)))
    mean, lowest = measured.mean(axis=0), measured.min(axis=0)
    curve = tuple(
        Survival(share, round(share * len(parts)), *np.column_stack((mean[point], lowest[point])).ravel().tolist())
        for point, share in enumerate(failed_shares)
    )
    return Resilience(what, len(parts), trials, curve)


def _refuse(fabric: Fabric, failed_shares: Sequence[float], trials: int) -> None:
    faults = [
        Fault(f"{share:g} is no share of the whole", "from 0 to 1, as 0.05 for 5%", field="failures")
        for share in failed_shares
        if not 0 <= share <= 1
    ]
    if trials < 1:
        faults.append(Fault(f"{trials} trials", "at least 1", field="trials"))
    if not len(fabric.of_kind(*SWITCH_KINDS)) or fabric.ranks < 2:
        faults.append(Fault("the fabric has no network between endpoints", "give one with switches"))
    if faults:
        raise InputError(faults)


def _alive(fabric: Fabric, what: What, failed: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which cables still work."""
    if what == "links":
        alive = np.ones(fabric.cables, dtype=bool)
        alive[failed] = False
        return alive
    dead = np.zeros(fabric.nodes, dtype=bool)
    dead[failed] = True
    return ~(dead[fabric.link_source[::2]] | dead[fabric.link_target[::2]])


def _flow_bps(graph: SwitchGraph, low: set[int]) -> float:
    half: Half = np.fromiter((owner in low for owner in graph.port_owner.tolist()), dtype=bool)
    return flow_bps(graph, half)
