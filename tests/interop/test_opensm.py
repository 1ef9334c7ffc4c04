"""Our wiring and our forwarding tables in real OpenSM, judged by OpenSM's own dump and by ibdmchk."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.errors import RoutingError
from fabricsim.fabric.formats.ibnetdiscover import parse_ibnetdiscover
from fabricsim.fabric.formats.lft import lft_text, parse_lft
from fabricsim.fabric.graph import SWITCH_KINDS, Fabric
from fabricsim.fabric.routing import router_for
from fabricsim.fabric.routing.deadlock import check_deadlock
from fabricsim.fabric.routing.table_file import along_tables
from fabricsim.fabric.routing.tables import ForwardingTables, forwarding_tables

# ibsim 0.10 knows no speed above HDR, so cables are 4xHDR.
FABRICS = {
    "two levels": ("clos", {"radix": 8, "hosts": 32, "link": "200Gbps"}),
    "three levels": ("fat_tree", {"k": 4, "link": "200Gbps"}),
    "dragonfly": ("dragonfly", {"p": 2, "a": 4, "h": 2, "link": "200Gbps"}),
    "torus": ("torus", {"dims": "5x5", "link": "200Gbps"}),
}
SINGLE_LANE = [
    ("two levels", "d-mod-k"),
    ("three levels", "d-mod-k"),
    ("three levels", "updn"),
    ("dragonfly", "updn"),
    ("torus", "updn"),
]
SEVERAL_LANES = [("dragonfly", "minimal"), ("torus", "dor")]


def fabric_of(name: str) -> Fabric:
    family, fields = FABRICS[name]
    return topologies.load(family, **fields)


def tables_of(fabric: Fabric, rule: str) -> ForwardingTables:
    return forwarding_tables(router_for(fabric, rule))


@pytest.mark.parametrize("name", FABRICS)
def test_opensm_brings_our_wiring_up_and_discovers_every_cable(bring_up, name):
    fabric = fabric_of(name)
    subnet = bring_up(fabric)
    assert "SUBNET UP" in subnet.log
    found = parse_ibnetdiscover(subnet.read("discovered.net"))
    assert cables(found) == cables(fabric)


def cables(fabric: Fabric) -> set[frozenset[tuple[str, int]]]:
    """The two ends of each cable: switch and port, or host (imports name a host's own adapter after it)."""
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    ends = [
        (fabric.label(int(node)), int(port) if switch[node] else 1)
        for node, port in zip(fabric.link_source, fabric.port, strict=True)
    ]
    return {frozenset(ends[link : link + 2]) for link in range(0, fabric.links, 2)}


@pytest.mark.parametrize(("name", "rule"), [*SINGLE_LANE, *SEVERAL_LANES])
def test_opensm_programs_exactly_our_tables(bring_up, name, rule):
    fabric = fabric_of(name)
    ours = tables_of(fabric, rule)
    subnet = bring_up(fabric, lft_text(fabric, ours))
    assert "file tables configured on all switches" in subnet.log
    programmed = subnet.tables()
    switches = len(ours.switches)
    assert sum(map(len, programmed.values())) == switches * (switches + fabric.ranks)
    assert programmed == ports_by_guid(subnet, fabric, ours)
    read_back = parse_lft(fabric, subnet.read("opensm-lfts.dump"))
    assert np.array_equal(read_back.links, ours.links)


def ports_by_guid(subnet, fabric: Fabric, tables: ForwardingTables) -> dict[str, dict[str, int]]:
    """The port per switch GUID and port GUID, by names in the net file and not by what the dump's writer says."""
    guid = {}
    for line in subnet.read("fabric.net").splitlines():
        if own := re.match(r"\S+guid=(0x[0-9a-f]+)", line):
            number = int(own[1], 16)
        elif head := re.match(r'(Switch|Ca)\s.*# "([^"]+)"', line):
            guid[head[2]] = f"0x{number if head[1] == 'Switch' else number + 1:016x}"
    names = [fabric.label(int(node)) for node in tables.addresses.node]
    return {
        guid[fabric.label(int(node))]: {
            guid[name]: int(fabric.port[link]) if link >= 0 else 0 for name, link in zip(names, row, strict=True)
        }
        for node, row in zip(tables.switches, tables.links, strict=True)
    }


@pytest.mark.parametrize(("name", "rule"), SINGLE_LANE)
def test_ibdmchk_finds_every_pair_reachable_and_no_credit_loop_on_one_lane(bring_up, name, rule):
    fabric = fabric_of(name)
    report = bring_up(fabric, lft_text(fabric, tables_of(fabric, rule))).checked()
    assert f"Scanned:{fabric.ranks * (fabric.ranks - 1)} CA to CA paths" in report
    assert "no credit loops found" in report
    assert "-E-" not in report
    assert not check_deadlock(fabric, router_for(fabric, rule)).cycle


@pytest.mark.parametrize(("name", "rule"), SEVERAL_LANES)
def test_what_needs_lanes_loops_without_them_for_ibdmchk_and_for_us(bring_up, name, rule):
    """ibdmchk sees the tables on one lane; our check sees them on one lane and on the rule's own lanes."""
    fabric = fabric_of(name)
    router = router_for(fabric, rule)
    tables = tables_of(fabric, rule)
    report = bring_up(fabric, lft_text(fabric, tables)).checked()
    assert f"Scanned:{fabric.ranks * (fabric.ranks - 1)} CA to CA paths" in report
    assert "credit loops in routing" in report
    assert check_deadlock(fabric, along_tables(fabric, tables)).cycle
    assert not check_deadlock(fabric, router).cycle


def test_a_dead_end_is_found_by_ibdmchk_and_by_us(bring_up):
    """One leaf of the tree sends one host's traffic to a port of its own hosts."""
    fabric = fabric_of("three levels")
    ours = tables_of(fabric, "d-mod-k")
    leaf, host = fabric.node_id("leaf-3-1"), fabric.node_id("host-0")
    links = ours.links.copy()
    wrong = fabric.out_links(leaf)[0]
    links[ours.graph.number[leaf], ours.addresses.node == host] = wrong
    bad = replace(ours, links=links)
    report = bring_up(fabric, lft_text(fabric, bad)).checked()
    assert "Dead end at" in report
    assert "-E- Found 2 missing paths out of:240 paths" in report  # from the two hosts of that leaf
    lost = along_tables(fabric, bad)
    with pytest.raises(RoutingError, match="no path from host-14 to host-0"):
        lost.paths([14], [0])
