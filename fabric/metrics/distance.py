"""Hops between the switches that carry hosts: diameter and average distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .switch_graph import SwitchGraph

_MOST_VISITS = 2e9
"""Links looked at, for 64 sources at once, before sources are sampled: some five seconds on one core."""
_SAMPLE = 1024


@dataclass(frozen=True)
class Distances:
    """Switch-to-switch hops on shortest paths between switches that carry hosts, adapters or accelerators.

    `average` runs over ordered pairs of different switches. `method` says whether all sources were looked at.
    """

    diameter: int
    average: float
    method: str
    connected: bool

    @property
    def exact(self) -> bool:
        return self.method == "all pairs"


def distances(graph: SwitchGraph, seed: int = 0) -> Distances:
    """Distances from every switch that carries users; from a seeded sample of them where all would take long, which
    bounds the diameter from below."""
    from ._hop_kernels import count_hops

    target = graph.ports > 0
    every = np.random.default_rng(seed).permutation(np.flatnonzero(target))
    pairs = np.zeros(graph.size + 1, dtype=np.int64)
    work = np.zeros((3, graph.size), dtype=np.uint64)
    visits = count_hops(graph.indptr, graph.neighbour, every[:_SAMPLE], target, *work, pairs)
    seen = min(len(every), _SAMPLE)
    if visits * (len(every) / max(1, seen)) <= _MOST_VISITS:
        count_hops(graph.indptr, graph.neighbour, every[_SAMPLE:], target, *work, pairs)
        seen = len(every)
    apart = int(pairs[1:].sum())
    return Distances(
        diameter=int(np.flatnonzero(pairs).max(initial=0)),
        average=float(np.arange(len(pairs)) @ pairs / apart) if apart else 0.0,
        method="all pairs" if seen == len(every) else f"from {seen} of {len(every)} switches, drawn at random",
        connected=int(pairs.sum()) == seen * len(every),
    )
