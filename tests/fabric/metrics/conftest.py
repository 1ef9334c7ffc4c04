"""Fabrics whose metrics can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import Fabric, NodeKind

RATE_BPS = 100e9


def _direct(switches: int, pairs: list[tuple[int, int]], hosts: int = 1, host_bps: float = RATE_BPS) -> Fabric:
    """Switches with `hosts` hosts each, and a cable per pair of them."""
    builder = FabricBuilder("direct")
    ids = builder.add_nodes(NodeKind.SWITCH, numbered("s{}", np.arange(switches)))
    ends = builder.add_nodes(NodeKind.HOST, numbered("h{}", np.arange(switches * hosts)))
    builder.add_cables(ends, np.repeat(ids, hosts), host_bps, 500)
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    builder.add_cables(ids[first], ids[second], RATE_BPS, 500)
    return builder.build()


def _grid(*dims: int, wrap: bool) -> list[tuple[int, int]]:
    """Pairs of neighbours in a mesh, or with `wrap` in a torus, of these dimensions."""
    places = list(itertools.product(*(range(size) for size in dims)))
    number = {place: index for index, place in enumerate(places)}
    found = set()
    for place in places:
        for axis, size in enumerate(dims):
            step = list(place)
            step[axis] += 1
            if wrap or step[axis] < size:
                step[axis] %= size
                found.add(tuple(sorted((number[place], number[tuple(step)]))))
    return sorted(found)


@pytest.fixture(scope="session")
def direct():
    """`direct(switches, pairs, hosts=1)`: switches with hosts each, and a cable per pair of switches."""
    return _direct


@pytest.fixture(scope="session")
def grid():
    """`grid(4, 4, 3, wrap=True)`: the pairs of neighbours in a torus, or a mesh, of these dimensions."""
    return _grid


@pytest.fixture(scope="session")
def torus_443() -> Fabric:
    return _direct(48, _grid(4, 4, 3, wrap=True))


@pytest.fixture(scope="session")
def fat_tree_4() -> Fabric:
    return topologies.fat_tree(k=4, link="100Gbps")
