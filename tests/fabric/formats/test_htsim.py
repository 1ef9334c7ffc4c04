"""htsim's fat-tree files: a tree worked out by hand, htsim's own conditions, and what is no such tree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.errors import FabricError
from fabricsim.fabric.formats.htsim import htsim_text, write_htsim


def parsed(text: str) -> tuple[dict[str, int], list[dict[str, int]]]:
    """Head and tiers of a file, by htsim's own rules: lower-case key, one space, a number."""
    head: dict[str, int] = {}
    tiers: list[dict[str, int]] = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            key, value = line.split(" ")
            if key.lower() == "tier":
                assert int(value) == len(tiers)
                tiers.append({})
            else:
                (tiers[-1] if tiers else head)[key.lower()] = int(value)
    return head, tiers


def test_a_k_ary_tree_is_the_file_of_its_numbers():
    """k = 8 at 400 Gbit/s, 500 ns a cable: 128 hosts, pods of 16."""
    head, tiers = parsed(htsim_text(topologies.fat_tree(k=8, link="400Gbps", hop_latency="500ns")))
    both = {"downlink_speed_gbps": 400, "downlink_latency_ns": 500, "switch_latency_ns": 0, "bundle": 1}
    below = both | {"radix_down": 4, "radix_up": 4, "oversubscribed": 1}
    assert head == {"nodes": 128, "tiers": 3, "podsize": 16}
    assert tiers == [below, below, both | {"radix_down": 8}]


def test_a_switch_latency_is_told_apart_from_the_cable():
    _, tiers = parsed(htsim_text(topologies.fat_tree(k=4, hop_latency="300ns", switch_latency="200ns")))
    assert {(tier["downlink_latency_ns"], tier["switch_latency_ns"]) for tier in tiers} == {(300, 200)}


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("fat_tree", {"k": 6}),
        ("clos", {"radix": 8, "hosts": 32}),
        ("clos", {"radix": 12, "hosts": 32, "oversubscription": 2}),
        ("clos", {"radix": 16, "hosts": 32}),
    ],
)
def test_the_numbers_meet_the_conditions_that_htsim_asserts(family, fields):
    """csg-htsim fat_tree_topology.cpp, set_custom_params."""
    head, tiers = parsed(htsim_text(topologies.load(family, **fields)))
    pods = head["nodes"] // head["podsize"]
    tor, agg = tiers[:2]
    uplinks = head["nodes"] * tor["downlink_speed_gbps"] // (agg["downlink_speed_gbps"] * tor["oversubscribed"])
    assert tor["radix_down"] // tor["radix_up"] == tor["oversubscribed"]
    assert uplinks % (pods * agg["radix_down"]) == 0
    aggs = uplinks // (pods * agg["radix_down"])
    assert aggs * agg["bundle"] == tor["radix_up"]
    assert tor["bundle"] == 1
    if head["tiers"] == 3:
        core = tiers[2]
        up = uplinks * agg["downlink_speed_gbps"] // (core["downlink_speed_gbps"] * agg["oversubscribed"])
        cores = up // core["radix_down"]
        assert cores % aggs == 0
        assert cores * core["bundle"] // aggs == agg["radix_up"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: topologies.load("hgx-h100", nodes=2), "kind accelerator"),
        (lambda: topologies.load("torus", dims="4x4"), "no tree of 2 or 3 tiers"),
        (lambda: topologies.fat_tree(k=4, link="12.5Gbps"), "whole number of Gbit/s"),
        (lambda: topologies.fat_tree(k=4, hop_latency="0ns"), "latency is below 1 ns"),
    ],
)
def test_what_is_no_fat_tree_of_htsim_is_refused(make, why, tmp_path):
    with pytest.raises(FabricError, match=why):
        write_htsim(make(), tmp_path / "x.topo")
    assert not list(tmp_path.iterdir())


def test_a_tree_with_one_slower_cable_is_refused():
    tree = topologies.fat_tree(k=4)
    capacity = tree.capacity_bps.copy()
    capacity[[40, 41]] /= 2
    with pytest.raises(FabricError, match="rates"):
        htsim_text(replace(tree, capacity_bps=capacity))


def test_a_tree_with_one_cable_less_is_refused():
    tree = topologies.fat_tree(k=4)
    kept = np.arange(tree.links) // 2 != 20
    names = ("link_source", "link_target", "capacity_bps", "latency_ns", "link_kind", "port", "rail", "plane", "width")
    with pytest.raises(FabricError, match="cables"):
        htsim_text(replace(tree, **{name: getattr(tree, name)[kept] for name in names}))
