"""Small fabrics drawn by hand, and what every path of every rule must keep."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import Fabric, NodeKind


def hang_hosts(builder: FabricBuilder, switches: np.ndarray, each: int = 1) -> None:
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(len(switches) * each)))
    builder.add_cables(hosts, np.repeat(switches, each), 4e11, 100)


def grid(family: str, dims: tuple[int, ...], hosts: int = 1) -> Fabric:
    """A mesh, a torus (once around each dimension longer than 2) or a HyperX (every pair along each dimension)."""
    builder = FabricBuilder(family, {"family": family})
    at = np.array(list(itertools.product(*(range(size) for size in dims))))
    columns = {f"coord{d}": at[:, d] for d in range(len(dims))}
    ids = builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(len(at))), **columns)
    number = {tuple(place): switch for place, switch in zip(at.tolist(), ids.tolist(), strict=True)}
    pairs = []
    for place, switch in number.items():
        for d, size in enumerate(dims):
            ahead = range(place[d] + 1, size) if family == "hyperx" else [place[d] + 1]
            if family == "torus" and place[d] == size - 1 and size > 2:
                ahead = [0]
            pairs += [(switch, number[(*place[:d], x, *place[d + 1 :])]) for x in ahead if x < size]
    hang_hosts(builder, ids, hosts)
    builder.add_cables(*np.array(pairs).T, 4e11, 100)
    return builder.build()


def dragonfly(p: int, a: int, h: int) -> Fabric:
    """a*h + 1 groups of a routers, all pairs cabled inside, one cable between any two groups; p hosts per router."""
    groups = a * h + 1
    builder = FabricBuilder("dragonfly", {"family": "dragonfly"})
    group, router = np.divmod(np.arange(groups * a), a)
    ids = builder.add_nodes(
        NodeKind.SWITCH, numbered("router-{}-{}", group, router), coord0=group, coord1=router
    ).reshape(groups, a)
    hang_hosts(builder, ids.ravel(), p)
    local = [(ids[g, i], ids[g, j]) for g in range(groups) for i, j in itertools.combinations(range(a), 2)]
    away = [
        (ids[i, (j - i - 1) // h], ids[j, (i - j - 1) % groups // h])
        for i, j in itertools.combinations(range(groups), 2)
    ]
    builder.add_cables(*np.array(local + away).T, 4e11, 100)
    return builder.build()


def random_graph(switches: int, extra: int, seed: int, capacities=(1e11,)) -> Fabric:
    """A random tree of switches, one host each, with `extra` more cables, some of them parallel."""
    rng = np.random.default_rng(seed)
    builder = FabricBuilder("random")
    ids = builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(switches)))
    hang_hosts(builder, ids)
    pairs = [(i, int(rng.integers(0, i))) for i in range(1, switches)]
    pairs += [(int(a), int(b)) for a, b in rng.integers(0, switches, (extra, 2)) if a != b]
    if pairs:
        builder.add_cables(*ids[np.array(pairs).T], rng.choice(capacities, len(pairs)), 100)
    return builder.build()


def bcube(n: int) -> Fabric:
    """BCube(n, 1) (Guo et al. 2009): n^2 servers, each cabled to switch i of level 0 and switch j of level 1."""
    builder = FabricBuilder("bcube", {"family": "bcube", "hosts_forward": True})
    row, column = np.divmod(np.arange(n * n), n)
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(n * n)))
    low = builder.add_nodes(NodeKind.SWITCH, numbered("low-{}", np.arange(n)))
    high = builder.add_nodes(NodeKind.SWITCH, numbered("high-{}", np.arange(n)))
    builder.add_cables(hosts, low[row], 4e11, 100)
    builder.add_cables(hosts, high[column], 4e11, 100)
    return builder.build()


def islands() -> Fabric:
    """Two hosts on each of two leaves that nothing joins."""
    builder = FabricBuilder("islands")
    hang_hosts(builder, builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", np.arange(2))), 2)
    return builder.build()


def all_pairs(fabric: Fabric) -> tuple[np.ndarray, np.ndarray]:
    src, dst = np.divmod(np.arange(fabric.ranks**2), fabric.ranks)
    return src[src != dst], dst[src != dst]


def paths_of(routed) -> list[np.ndarray]:
    return [routed.links[a:b] for a, b in itertools.pairwise(routed.indptr)]


def lanes_of(routed) -> list[np.ndarray]:
    return [routed.lanes[a:b] for a, b in itertools.pairwise(routed.indptr)]


def assert_joins(fabric: Fabric, src, dst, routed) -> None:
    """Every path begins and ends at its endpoints, its links join, and it visits no link twice."""
    assert len(routed.indptr) == len(src) + 1
    for s, d, links in zip(src, dst, paths_of(routed), strict=True):
        assert fabric.link_source[links[0]] == fabric.endpoints[s]
        assert fabric.link_target[links[-1]] == fabric.endpoints[d]
        assert (fabric.link_target[links[:-1]] == fabric.link_source[links[1:]]).all()
        assert len(set(links.tolist())) == len(links)


def assert_conserves(fabric: Fabric, src, dst, spread) -> None:
    """What enters a node leaves it; all of it leaves the source and reaches the destination."""
    for i, (s, d) in enumerate(zip(src, dst, strict=True)):
        part = slice(spread.indptr[i], spread.indptr[i + 1])
        links, shares = spread.links[part], spread.shares[part]
        assert (shares > 0).all()
        balance = np.zeros(fabric.nodes)
        np.add.at(balance, fabric.link_source[links], -shares)
        np.add.at(balance, fabric.link_target[links], shares)
        expected = np.zeros(fabric.nodes)
        expected[fabric.endpoints[s]], expected[fabric.endpoints[d]] = -1, 1
        assert balance == pytest.approx(expected, abs=1e-9)


@pytest.fixture(scope="session")
def draw():
    """The fabrics and checks of this file by name."""
    return SimpleNamespace(
        grid=grid, dragonfly=dragonfly, random_graph=random_graph, bcube=bcube, islands=islands, all_pairs=all_pairs,
        paths_of=paths_of, lanes_of=lanes_of, joins=assert_joins, conserves=assert_conserves,
    )  # fmt: skip
