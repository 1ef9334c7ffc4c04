"""The engine's cases for asv: the inputs of `engine_table.py`, timed commit by commit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from fabricsim.sims.engine import max_min_rates, simulate_flows

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine_inputs import TREES, all_pairs, arrivals, permutation, random_paths

COMPILING_S = 600
"""The first case of a commit waits for all kernels."""


class Solve:
    """One max-min solve."""

    timeout = COMPILING_S

    def setup(self) -> None:
        tree = TREES[65536]
        self.random = *random_paths(100_000, 100_000, 6, seed=1), np.full(100_000, 100e9)
        self.ecmp = *tree.ecmp(*permutation(65536, seed=1), np.random.default_rng(2)), tree.capacity_bps()
        max_min_rates([0, 1], [0], [1.0])

    def time_random_paths(self) -> None:
        max_min_rates(*self.random)

    def time_ecmp_permutation(self) -> None:
        max_min_rates(*self.ecmp)


class Run:
    """Flows to their ends."""

    timeout = COMPILING_S

    def setup(self) -> None:
        large, small = TREES[65536], TREES[256]
        routed = large.d_mod_k(*permutation(65536, seed=1))
        self.permutation = *routed, large.capacity_bps(), np.full(65536, 1e9)
        self.all_to_all = *small.d_mod_k(*all_pairs(256)), small.capacity_bps(), np.full(256 * 255, 1e7)
        simulate_flows([0, 1], [0], [8.0], [1.0])

    def time_permutation(self) -> None:
        simulate_flows(*self.permutation)

    def time_all_to_all(self) -> None:
        simulate_flows(*self.all_to_all)


class Stream:
    """100,000 arrivals on 1,024 hosts."""

    timeout = COMPILING_S

    def setup(self) -> None:
        tree, flows = TREES[1024], arrivals(100_000, 1024, 0.5, seed=3)
        routed = tree.d_mod_k(flows.src, flows.dst)
        self.arrivals = *routed, tree.capacity_bps(), flows.size_bytes, flows.start_s
        simulate_flows([0, 1], [0], [8.0], [1.0])

    def time_arrivals(self) -> None:
        simulate_flows(*self.arrivals)

    def time_arrivals_recorded(self) -> None:
        simulate_flows(*self.arrivals, record=1e-3)
