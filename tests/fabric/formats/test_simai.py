"""SimAI's topology files: a small one written out by hand, both ways, and every kind of damage to it."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.check import findings
from fabricsim.fabric.errors import FabricError, ParseError
from fabricsim.fabric.formats.simai import read_simai, simai_text, write_simai
from fabricsim.fabric.graph import SWITCH_KINDS, LinkKind, NodeKind
from fabricsim.fabric.metrics import summary

TWO_SERVERS = """\
9 2 2 3 10 H100
4 5 6 7 8
0 4 2880Gbps 0.000025ms 0
0 6 400Gbps 0.0005ms 0
1 4 2880Gbps 0.000025ms 0
1 7 400Gbps 0.0005ms 0
2 5 2880Gbps 0.000025ms 0
2 6 400Gbps 0.0005ms 0
3 5 2880Gbps 0.000025ms 0
3 7 400Gbps 0.0005ms 0
6 8 400Gbps 0.0005ms 0
7 8 400Gbps 0.0005ms 0
"""
"""Two servers of two GPUs and an NVSwitch each (4, 5), a leaf per rail (6, 7), a spine (8)."""


@pytest.fixture
def read(tmp_path):
    def read_text(text: str):
        path = tmp_path / "two.topo"
        path.write_text(text)
        return read_simai(path)

    return read_text


def test_every_cable_and_rate_is_read(read):
    fabric = read(TWO_SERVERS)
    shown = summary(fabric)
    assert (shown.gpus, shown.nvswitches, shown.switches, shown.cables) == (4, 2, 3, 6)
    assert [fabric.label(node) for node in fabric.of_kind(NodeKind.LEAF)] == ["switch-6", "switch-7"]
    assert [fabric.label(node) for node in fabric.of_kind(NodeKind.SPINE)] == ["switch-8"]
    assert fabric.column("server")[fabric.endpoints].tolist() == [0, 0, 1, 1]
    up = fabric.out_links(fabric.node_id("gpu-0-0"))
    assert sorted(fabric.capacity_bps[up].tolist()) == [400e9, 2880e9]
    nic = fabric.out_links(fabric.node_id("nic-1-1-0"))
    assert fabric.latency_ns[nic].tolist() == [0, 500]
    assert fabric.meta["devices"] == ["H100_SXM"]
    assert findings(fabric) == ()


def test_writing_gives_the_text_back(read):
    assert simai_text(read(TWO_SERVERS)) == TWO_SERVERS


@pytest.mark.parametrize(
    "make",
    [
        lambda: topologies.load("hgx-h100", nodes=12, oversubscription=2),
        lambda: topologies.load("hgx-a100", nodes=3),
        lambda: topologies.load("gb200-nvl72", nodes=2),
        lambda: topologies.nvlink_domain(server="gb200-nvl72"),
    ],
)
def test_a_generated_cluster_comes_back_wired_alike(make, tmp_path):
    fabric = make()
    write_simai(fabric, tmp_path / "x.topo")
    again = read_simai(tmp_path / "x.topo")
    assert simai_text(again) == (tmp_path / "x.topo").read_text()
    assert _trunks(again) == _trunks(fabric)
    before, after = summary(fabric), summary(again)
    for figure in ("endpoints", "gpus", "switches", "nvswitches", "cables", "diameter"):
        assert getattr(after, figure) == getattr(before, figure)


def _trunks(fabric) -> Counter:
    """Cables between switches of the network, each known by the accelerators whose adapters it holds."""
    below: dict[int, set[str]] = {}
    kind, source, target = fabric.node_kind, fabric.link_source.tolist(), fabric.link_target.tolist()
    adapter = {target[n]: fabric.label(source[n]) for n in np.flatnonzero(fabric.link_kind == LinkKind.PCIE)}
    for one, other in zip(source, target, strict=True):
        if kind[one] == NodeKind.NIC and kind[other] in SWITCH_KINDS:
            below.setdefault(other, set()).add(adapter[one])
    return Counter(
        (frozenset(below.get(one, ())), frozenset(below.get(other, ())))
        for one, other in zip(source, target, strict=True)
        if kind[one] in SWITCH_KINDS and kind[other] in SWITCH_KINDS
    )


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: topologies.fat_tree(k=4), "is a host"),
        (lambda: topologies.load("mi300x", nodes=2), "cabled to each other"),
        (lambda: topologies.load("hgx-h100", nodes=2, nics_per_node=4), "no accelerator of its own"),
    ],
)
def test_what_the_file_cannot_say_is_refused(make, why, tmp_path):
    with pytest.raises(FabricError, match=why):
        write_simai(make(), tmp_path / "x.topo")
    assert not list(tmp_path.iterdir())


def test_the_real_cluster_has_no_accelerators_to_write(ndr_cluster):
    with pytest.raises(FabricError, match="not every rank is an accelerator"):
        simai_text(ndr_cluster)


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("9 2 2 3 10 H100", "9 2 2 3 10", 1, "header"),
        ("9 2 2 3 10 H100", "9 2 2 3 x H100", 1, "header"),
        ("9 2 2 3 10 H100", "9 0 2 3 10 H100", 1, "0 in a server"),
        ("9 2 2 3 10 H100", "4 2 2 3 10 H100", 1, "-1 GPUs"),
        ("9 2 2 3 10 H100", "9 3 2 3 10 H100", 1, "no whole servers of 3"),
        ("9 2 2 3 10 H100", "9 2 2 3 11 H100", 1, "10 cables are listed, 11 announced"),
        ("4 5 6 7 8", "4 5 6 7", 2, "4 switches are listed, 5 announced"),
        ("4 5 6 7 8", "4 5 6 8 7", 2, "not 4 to 8 in order"),
        ("0 6 400Gbps 0.0005ms 0", "0 6 400Gbps 0.0005ms", 4, "is no cable"),
        ("0 6 400Gbps 0.0005ms 0", "0 6 400 0.0005ms 0", 4, "unit"),
        ("0 6 400Gbps 0.0005ms 0", "0 6 0Gbps 0.0005ms 0", 4, "runs at 0Gbps"),
        ("0 6 400Gbps 0.0005ms 0", "0 9 400Gbps 0.0005ms 0", 4, "joins 0 and 9"),
        ("0 6 400Gbps 0.0005ms 0", "6 6 400Gbps 0.0005ms 0", 4, "joins 6 and 6"),
        ("0 6 400Gbps 0.0005ms 0", "0 1 400Gbps 0.0005ms 0", 4, "joins two GPUs"),
        ("6 8 400Gbps 0.0005ms 0", "4 8 400Gbps 0.0005ms 0", 11, "NVSwitch to a switch"),
    ],
)
def test_damage_is_named_with_its_line(read, old, new, line, why):
    assert old in TWO_SERVERS
    with pytest.raises(ParseError) as caught:
        read(TWO_SERVERS.replace(old, new, 1))
    assert [fault.line for fault in caught.value.faults] == [line]
    assert re.search(why, caught.value.faults[0].message)


def test_several_faults_come_at_once(read):
    text = TWO_SERVERS.replace("0 4 2880Gbps", "0 4 2880").replace("7 8 400Gbps 0.0005ms 0", "7 8")
    with pytest.raises(ParseError) as caught:
        read(text)
    assert [fault.line for fault in caught.value.faults] == [3, 12]


def test_a_file_cut_short_is_refused(read):
    with pytest.raises(ParseError):
        read(TWO_SERVERS[: len(TWO_SERVERS) // 2])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(TWO_SERVERS.encode() + bytes(range(128, 256)))
    with pytest.raises(ParseError, match="not text"):
        read_simai(tmp_path / "x")


def test_ranks_keep_their_numbers(read):
    fabric = read(TWO_SERVERS)
    assert [fabric.label(node) for node in fabric.endpoints] == ["gpu-0-0", "gpu-0-1", "gpu-1-0", "gpu-1-1"]
    assert np.all(np.diff(fabric.endpoints) > 0)
