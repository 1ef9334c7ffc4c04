"""`diff`: seeded miswirings come back exactly, whatever the nodes are matched by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.diff import Difference, diff
from fabricsim.fabric.graph import Fabric, NodeKind
from fabricsim.fabric.matching import match
from hypothesis import given, settings
from hypothesis import strategies as st


class Rewiring:
    """A fabric's cables as a list that can be changed: (node, port, node, port, bit/s)."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        columns = (fabric.link_source, fabric.port, fabric.link_target)
        source, port, target = (column.tolist() for column in columns)
        rates = fabric.capacity_bps.tolist()
        self.cables = [
            (source[link], port[link], target[link], port[link + 1], rates[link]) for link in range(0, fabric.links, 2)
        ]

    def label(self, cable: int) -> str:
        a, p, b, q, _ = self.cables[cable]
        return f"{self.fabric.label(a)}:{p} - {self.fabric.label(b)}:{q}"

    def between(self, first: NodeKind, second: NodeKind) -> list[int]:
        kind = self.fabric.node_kind
        return [n for n, (a, _, b, _, _) in enumerate(self.cables) if {kind[a], kind[b]} == {first, second}]

    def free_port(self, node: int) -> int:
        used = {p for a, p, b, q, _ in self.cables for node_, p in ((a, p), (b, q)) if node_ == node}
        return next(port for port in range(1, 1000) if port not in used)

    def swap(self, one: int, other: int) -> None:
        (a, p, b, q, x), (c, r, d, s, y) = self.cables[one], self.cables[other]
        self.cables[one], self.cables[other] = (a, p, d, s, x), (c, r, b, q, y)

    def done(self, order: np.ndarray | None = None) -> Fabric:
        """The fabric of these cables; `order` shuffles the nodes and takes every name, GUID, LID and server away."""
        old = self.fabric
        builder = FabricBuilder(old.name, dict(old.meta))
        if order is None:
            place = np.arange(old.nodes)
            builder.add_nodes(old.node_kind, old.node_name, **old.columns)
        else:
            place = np.argsort(order)
            builder.add_nodes(old.node_kind[order], np.array([f"n{node}" for node in range(old.nodes)]))
        a, p, b, q, rate = map(np.array, zip(*self.cables, strict=True))
        builder.add_cables(place[a], place[b], rate, 500, source_port=p, target_port=q)
        return builder.build(np.sort(place[old.endpoints]))


def miswired(fabric: Fabric, seed: int) -> tuple[Rewiring, set[tuple[str, tuple[str, ...]]]]:
    """Five faults - two adapters exchanged, two trunk cables exchanged, a cable pulled, one added, one end in another
    port - on ten cables drawn at random, and what they look like in the design."""
    wires, rng = Rewiring(fabric), np.random.default_rng(seed)
    ports = rng.choice(wires.between(NodeKind.NIC, NodeKind.LEAF), 40, replace=False).tolist()
    trunks = rng.choice(wires.between(NodeKind.LEAF, NodeKind.SPINE), 40, replace=False).tolist()
    first, second = ports.pop(), ports.pop()
    while {*wires.cables[first][::2][:2]} & {*wires.cables[second][::2][:2]}:
        second = ports.pop()
    third = trunks.pop()
    fourth = next(t for t in trunks if not {*wires.cables[t][::2][:2]} & {*wires.cables[third][::2][:2]})
    trunks.remove(fourth)
    pulled, moved = trunks.pop(), trunks.pop()
    expected = {
        ("swapped", (wires.label(min(first, second)), wires.label(max(first, second)))),
        ("swapped", (wires.label(min(third, fourth)), wires.label(max(third, fourth)))),
        ("missing", (wires.label(pulled),)),
        ("moved", (wires.label(moved),)),
        ("extra", ()),
    }
    wires.swap(first, second)
    wires.swap(third, fourth)
    a, p, b, _, rate = wires.cables[moved]
    wires.cables[moved] = (a, p, b, wires.free_port(b), rate)
    leaf = wires.fabric.of_kind(NodeKind.LEAF)
    wires.cables.append((int(leaf[0]), 63, int(leaf[1]), 63, rate))
    del wires.cables[pulled]
    return wires, expected


def kinds(differences: tuple[Difference, ...]) -> set[tuple[str, tuple[str, ...]]]:
    return {(difference.kind, difference.design) for difference in differences}


def test_a_fabric_does_not_differ_from_itself(ndr_cluster):
    found = diff(ndr_cluster, ndr_cluster)
    assert found.differences == ()
    assert found.matched == {"guid": 582, "name": 0, "structure": 0}  # 542 adapters, 40 switches


@pytest.mark.parametrize("seed", range(5))
def test_five_miswirings_of_the_real_cluster_are_found_exactly(ndr_cluster, seed):
    wires, expected = miswired(ndr_cluster, seed)
    found = diff(ndr_cluster, wires.done())
    assert len(found.differences) == 5
    assert kinds(found.differences) == expected


@pytest.mark.parametrize("seed", range(5))
def test_five_miswirings_are_found_where_only_names_are_left(ndr_cluster, seed):
    names = {name: column for name, column in ndr_cluster.columns.items() if "guid" not in name}
    named = replace(ndr_cluster, columns=names)
    wires, expected = miswired(named, seed)
    found = diff(named, wires.done())
    assert found.matched["name"] == 582
    assert kinds(found.differences) == expected


@pytest.mark.parametrize("seed", range(3))
def test_a_design_without_a_name_in_common_is_matched_by_structure(ndr_cluster, seed):
    """Nodes shuffled, every name, GUID and server gone: the wiring and its ports are enough."""
    order = np.random.default_rng(seed).permutation(ndr_cluster.nodes)
    found = diff(ndr_cluster, Rewiring(ndr_cluster).done(order))
    assert found.matched == {"guid": 0, "name": 0, "structure": 582}
    assert found.differences == ()


@pytest.mark.parametrize("make", [lambda: topologies.fat_tree(k=6), lambda: topologies.load("hgx-h100", nodes=36)])
def test_generated_fabrics_are_matched_by_structure(make):
    fabric = make()
    kept = np.isin(fabric.node_kind, (NodeKind.ACCELERATOR, NodeKind.NVSWITCH))
    wires = Rewiring(fabric)
    wires.cables = [c for c in wires.cables if not kept[c[0]] and not kept[c[2]]]
    order = np.random.default_rng(7).permutation(fabric.nodes)
    assert diff(fabric, wires.done(order)).differences == ()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 47), st.integers(0, 2**32 - 1))
def test_one_cable_pulled_from_an_unnamed_tree_is_one_difference(fat_tree, cable, seed):
    wires = Rewiring(fat_tree)
    del wires.cables[cable]
    found = diff(fat_tree, wires.done(np.random.default_rng(seed).permutation(fat_tree.nodes)))
    assert [difference.kind for difference in found.differences] == ["missing"]


def test_a_slower_cable_is_a_difference_of_speed(fat_tree):
    wires = Rewiring(fat_tree)
    wires.cables[20] = (*wires.cables[20][:4], 100e9)
    (found,) = diff(fat_tree, wires.done()).differences
    label = wires.label(20)
    assert found == Difference("speed", (f"{label} 400Gbps",), (f"{label} 100Gbps",))


def test_another_numbering_of_the_ports_is_compared_by_nodes(fat_tree):
    """Ports counted from the other end; one cable pulled."""
    wires = Rewiring(fat_tree)
    label = wires.label(30)
    wires.cables = [(a, 100 - p, b, 100 - q, rate) for a, p, b, q, rate in wires.cables]
    del wires.cables[30]
    found = diff(fat_tree, wires.done())
    assert found.compared_by == "nodes"
    assert found.differences == (Difference("missing", (label,), ()),)


def test_trunks_exchanged_between_nodes_are_a_swap_even_without_ports(fat_tree):
    wires = Rewiring(fat_tree)
    wires.cables = [(a, 100 - p, b, 100 - q, rate) for a, p, b, q, rate in wires.cables]
    one, other = 16, 40  # leaf to aggregation, aggregation to core
    wires.swap(one, other)
    (found,) = diff(fat_tree, wires.done()).differences
    assert found.kind == "swapped"
    assert found.design == (Rewiring(fat_tree).label(one), Rewiring(fat_tree).label(other))


def test_a_node_that_is_gone_and_one_that_came_are_named(fat_tree):
    wires = Rewiring(fat_tree)
    gone = fat_tree.node_id("host-3")
    wires.cables = [cable for cable in wires.cables if gone not in (cable[0], cable[2])]
    without = wires.done()
    kept = np.arange(without.nodes) != gone
    builder = FabricBuilder("without")
    builder.add_nodes(without.node_kind[kept], without.node_name[kept])
    place = np.cumsum(kept) - 1
    builder.add_cables(
        place[without.link_source[::2]], place[without.link_target[::2]], 400e9, 1,
        source_port=without.port[::2], target_port=without.port[1::2],
    )  # fmt: skip
    smaller = builder.build()
    there, back = diff(fat_tree, smaller).differences, diff(smaller, fat_tree).differences
    cable = next(Rewiring(fat_tree).label(n) for n, c in enumerate(Rewiring(fat_tree).cables) if c[0] == gone)
    assert there == (Difference("missing-node", ("host-3",), ()), Difference("missing", (cable,), ()))
    assert [difference.kind for difference in back] == ["extra-node", "extra"]


def test_switches_are_never_taken_for_hosts(fat_tree):
    sort = {kind: kind >= NodeKind.LEAF for kind in NodeKind}
    other = topologies.fat_tree(k=6)
    found = match(fat_tree, other).other
    pairs = [(mine, theirs) for mine, theirs in enumerate(found.tolist()) if theirs >= 0]
    assert pairs
    assert all(
        sort[NodeKind(fat_tree.node_kind[mine])] == sort[NodeKind(other.node_kind[theirs])] for mine, theirs in pairs
    )


@pytest.fixture(scope="module")
def fat_tree() -> Fabric:
    return topologies.fat_tree(k=4)
