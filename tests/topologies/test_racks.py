"""Racks: what stands where, and that nothing stands twice, sticks out or overloads its rack unless it is said."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NODE_COLUMNS, NodeKind
from fabricsim.topologies import load
from fabricsim.topologies.hall import Hall
from fabricsim.topologies.racks import overloaded, place

FABRICS = [
    ("hgx-h100", {"nodes": 40, "su": 8}),
    ("gb200-nvl72", {"nodes": 5}),
    ("fat_tree", {"k": 8}),
    ("dragonfly", {"p": 3}),
    ("torus", {"dims": "4x4x4"}),
    ("rail_only", {"nodes": 20}),
    ("dual_tor", {"nodes": 24}),
    ("mi300x", {"nodes": 9}),
    ("nvlink_domain", {}),
]


@pytest.mark.parametrize(("name", "fields"), FABRICS)
def test_every_machine_stands_in_one_rack_within_its_limits(name, fields):
    fabric, hall = load(name, **fields), Hall.of()
    placed = place(fabric, hall)
    assert ((placed.rack >= 0) == (fabric.node_kind != NodeKind.AGGREGATION)).all()
    assert np.array_equal(np.unique(placed.rack), np.arange(placed.racks))
    for machine in range(len(placed.machines)):
        assert len(np.unique(placed.rack[placed.machines.of_node == machine])) == 1
    assert (placed.units <= hall.rack_units).all()
    assert overloaded(placed, hall) == ()


@pytest.mark.parametrize(("name", "fields"), FABRICS)
def test_machines_of_a_rack_do_not_overlap(name, fields):
    fabric, hall = load(name, **fields), Hall.of()
    placed = place(fabric, hall)
    node, units = placed.machines.node, placed.machines.units()
    half = units * hall.rack_unit_m / 2
    for rack in range(placed.racks):
        inside = np.flatnonzero(placed.rack[node] == rack)
        inside = inside[np.argsort(placed.height_m[node[inside]])]
        bottom, top = (placed.height_m[node[inside]] + side * half[inside] for side in (-1, 1))
        assert bottom[0] == pytest.approx(0)
        assert bottom[1:] == pytest.approx(top[:-1])


def test_racks_stand_apart_on_a_grid():
    hall = Hall.of()
    position = hall.positions_m(500)
    assert len(np.unique(position, axis=0)) == 500
    steps = np.abs(np.diff(position, axis=0))
    along = np.isclose(steps, (hall.rack_pitch_m, 0)).all(axis=1)
    turns = np.isclose(steps, (0, hall.row_pitch_m)).all(axis=1)
    assert (along | turns).all()


def test_four_dgx_h100_share_a_rack_that_air_cools():
    """4 x 10.2 kW under 41.3 kW; 4 x 8 of 48 units."""
    placed = place(load("hgx-h100", nodes=16), Hall.of())
    servers = placed.rack[placed.machines.node[:16]]
    assert np.bincount(servers)[np.unique(servers)].tolist() == [4] * 4


def test_an_nvl72_has_a_rack_of_its_own():
    placed = place(load("gb200-nvl72", nodes=3), Hall.of())
    assert len(np.unique(placed.rack[placed.machines.node[:3]])) == 3
    assert sorted(placed.power_w)[-3:] == [120e3] * 3


def test_a_switch_whose_hosts_share_a_rack_stands_on_top_of_them():
    """Fat tree of k = 8: leaves with 4 hosts each."""
    fabric = load("fat_tree", k=8)
    placed = place(fabric, Hall.of())
    leaves = fabric.of_kind(NodeKind.LEAF)
    for leaf in leaves.tolist():
        below = [node for node in fabric.link_target[fabric.out_links(leaf)] if fabric.node_kind[node] == NodeKind.HOST]
        assert {placed.rack[node] for node in below} == {placed.rack[leaf]}
        assert placed.height_m[leaf] > max(placed.height_m[node] for node in below)


def test_a_switch_that_would_overload_the_rack_stands_elsewhere():
    """Two servers of 10.2 kW leave no room for a switch of 1.72 kW in 21 kW."""
    fabric = load("clos", hosts=64, radix=64, server="hgx-h100", tiers=2)
    placed = place(fabric, Hall.of(rack_w=21e3))
    switches = set(placed.rack[fabric.of_kind(NodeKind.LEAF)].tolist())
    assert switches.isdisjoint(placed.rack[fabric.of_kind(NodeKind.ACCELERATOR)].tolist())
    assert (placed.power_w <= 21e3).all()


def test_network_racks_stand_amid_what_they_serve():
    """Leaves of the first scalable unit are nearer to its servers than to those of the last."""
    fabric = load("hgx-h100", nodes=512, su=32)
    placed = place(fabric, Hall.of())
    gpus, leaves = fabric.of_kind(NodeKind.ACCELERATOR), fabric.of_kind(NodeKind.LEAF)
    pod = fabric.column("pod")[gpus]
    first = [leaf for leaf in leaves.tolist() if fabric.label(leaf).endswith("-0")]
    where = placed.position_m[placed.rack[first]].mean(axis=0)
    near, far = (placed.position_m[placed.rack[gpus[pod == own]]] for own in (0, pod.max()))
    assert np.abs(near - where).sum(axis=1).max() < np.abs(far - where).sum(axis=1).min()


def test_a_machine_beyond_a_racks_power_or_units_is_found():
    hall = Hall.of(rack_w=5e3, rack_units=6)
    rules = {finding.rule for finding in overloaded(place(load("hgx-h100", nodes=2), hall), hall)}
    assert rules == {"rack power", "rack units"}


def test_placement_is_the_same_each_time_and_can_be_kept_in_the_fabric():
    fabric, hall = load("hgx-h100", nodes=20), Hall.of()
    placed = place(fabric, hall)
    assert np.array_equal(placed.rack, place(fabric, hall).rack)
    kept = placed.on(fabric)
    assert kept.column("rack").dtype == NODE_COLUMNS["rack"].dtype
    assert np.array_equal(kept.column("rack"), placed.rack)


def test_limits_that_no_hall_has_are_refused_together():
    for pue in (0.9, float("nan"), float("inf")):
        with pytest.raises(SpecError) as refused:
            Hall.of(pue=pue, rack_w=0.0)
        assert [fault.field for fault in refused.value.faults] == ["pue", "rack power"]
