"""A network in closed form, to stand in for a fabric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class AlphaBeta:
    """Every rank has one port: a call costs `latency_s` and the bytes a ring moves through the port."""

    latency_s: float
    bytes_per_s: float

    def collective_s(self, op, groups, size_bytes):
        ranks = len(groups[0])
        turns = 2 if op == "all-reduce" else 1
        return self.latency_s + turns * (ranks - 1) / ranks * size_bytes / self.bytes_per_s

    def send_s(self, source, target, size_bytes):
        assert len(source) == len(target)
        return np.full(len(source), self.latency_s + size_bytes / self.bytes_per_s)


@pytest.fixture
def alpha_beta():
    """The class AlphaBeta."""
    return AlphaBeta
