"""Checks that hold for every tree-shaped family."""

from __future__ import annotations

from collections import Counter, defaultdict

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.graph import SWITCH_KINDS, Fabric, LinkKind


def _children(fabric: Fabric) -> dict[int, list[int]]:
    level = fabric.column("level")
    below = defaultdict(set)
    for source, target, kind in zip(fabric.link_source, fabric.link_target, fabric.link_kind, strict=True):
        if kind == LinkKind.NETWORK and level[source] < level[target]:
            below[int(target)].add(int(source))
    return {node: sorted(members, key=lambda n: fabric.column("first")[n]) for node, members in below.items()}


@pytest.fixture(scope="session")
def assert_tree():
    """Every switch's children cover its interval of positions without gap or overlap, one level below it."""

    def check(fabric: Fabric) -> None:
        first, span, level = (fabric.column(name) for name in ("first", "span", "level"))
        children = _children(fabric)
        for switch in fabric.of_kind(*SWITCH_KINDS).tolist():
            at = first[switch]
            for child in children[switch]:
                assert (first[child], level[child]) == (at, level[switch] - 1)
                at += span[child]
            assert at == first[switch] + span[switch]

    return check


@pytest.fixture(scope="session")
def assert_ports():
    """Ports count from 1 without gaps, those to the tier below first, and no switch has more than its radix."""

    def check(fabric: Fabric) -> None:
        level, radix = fabric.column("level"), fabric.column("radix")
        for switch in fabric.of_kind(*SWITCH_KINDS).tolist():
            links = fabric.out_links(switch)
            assert fabric.port[links].tolist() == list(range(1, len(links) + 1))
            assert len(links) <= radix[switch]
            rises = level[fabric.link_target[links]] > level[switch]
            assert (np.diff(rises.astype(int)) >= 0).all()

    return check


@pytest.fixture(scope="session")
def trunks():
    """Number of parallel network cables between each two nodes, by name, lower one first."""

    def count(fabric: Fabric) -> Counter[tuple[str, str]]:
        names = [name.decode() for name in fabric.node_name.tolist()]
        drawn = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)[::2]
        ends = zip(fabric.link_source[drawn].tolist(), fabric.link_target[drawn].tolist(), strict=True)
        return Counter((names[source], names[target]) for source, target in ends)

    return count


@pytest.fixture(scope="session")
def switch_graph():
    """The switches and the cables between them, by name, parallel cables kept."""

    def draw(fabric: Fabric) -> nx.MultiGraph:
        switch = np.isin(fabric.node_kind, SWITCH_KINDS)
        names = [name.decode() for name in fabric.node_name.tolist()]
        graph = nx.MultiGraph()
        graph.add_nodes_from(names[node] for node in fabric.of_kind(*SWITCH_KINDS).tolist())
        ends = zip(fabric.link_source[::2].tolist(), fabric.link_target[::2].tolist(), strict=True)
        graph.add_edges_from((names[one], names[other]) for one, other in ends if switch[one] and switch[other])
        return graph

    return draw
