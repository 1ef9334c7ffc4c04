"""Networks that tests of simulations share: one in closed form, and two tiny fabrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind


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


@pytest.fixture(scope="session")
def alpha_beta():
    """The class AlphaBeta."""
    return AlphaBeta


def _hosts_behind(name, hosts, switches):
    builder = FabricBuilder(name, {"network": "infiniband", "assumptions": []})
    ends = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(hosts)))
    return builder, ends, builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(switches)))


@pytest.fixture
def star():
    """Hosts around one switch: `star(n)` has n links of 100 Gbit/s each way, 500 ns each."""

    def build(hosts):
        builder, ends, (hub,) = _hosts_behind("star", hosts, 1)
        builder.add_cables(ends, hub, 1e11, 500)
        return builder.build()

    return build


@pytest.fixture
def two_leaves():
    """`two_leaves(hosts, paths)`: as many hosts on either of two leaves, one cable from each leaf to each of `paths`
    spines. All cables carry 100 Gbit/s and take 500 ns; hosts 0..hosts-1 are on the first leaf."""

    def build(hosts, paths):
        builder, ends, switches = _hosts_behind("two leaves", 2 * hosts, 2 + paths)
        builder.add_cables(ends, np.repeat(switches[:2], hosts), 1e11, 500)
        builder.add_cables(np.repeat(switches[:2], paths), np.tile(switches[2:], 2), 1e11, 500)
        return builder.build()

    return build
