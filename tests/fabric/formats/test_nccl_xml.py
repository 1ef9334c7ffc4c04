"""NCCL's topology XML, read by a strict port of the rules of NCCL's own parser (src/graph/xml.cc)."""

from __future__ import annotations

import re

import pytest
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.formats import WRITERS
from fabricsim.topologies import load

_TAG = re.compile(r'<(/?)([a-z0-9]+)((?: [a-z_]+="[^"<>\n\t]{0,254}")*)(/?)>')
_INSIDE = {
    None: {"system"},
    "system": {"cpu"},
    "cpu": {"pci", "nic"},
    "pci": {"pci", "gpu", "nic", "pcilink"},
    "gpu": {"nvlink", "c2c"},
    "nic": {"net"},
}
_SPEEDS = ("16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe")


class Tag:
    def __init__(self, name, attributes):
        self.name, self.attributes, self.children = name, attributes, []

    def all(self, name):
        found = [self] if self.name == name else []
        return found + [tag for child in self.children for tag in child.all(name)]


def parse(text: str) -> Tag:
    """Newlines and spaces between tags only, one space between attributes, at most 16 of them and 640 children."""
    root, stack, at = None, [], 0
    while at < len(text):
        if text[at] in "\n\r ":
            at += 1
            continue
        match = _TAG.match(text, at)
        assert match, f"not a tag: {text[at : at + 60]!r}"
        closing, name, attributes, empty = match.groups()
        at = match.end()
        if closing:
            assert stack.pop().name == name
            continue
        tag = Tag(name, dict(re.findall(r'([a-z_]+)="([^"]*)"', attributes)))
        assert len(tag.attributes) <= 16
        parent = stack[-1] if stack else None
        assert name in _INSIDE[parent.name if parent else None]
        if parent:
            parent.children.append(tag)
            assert len(parent.children) <= 640
        else:
            assert root is None
            root = tag
        if not empty:
            stack.append(tag)
    assert not stack
    return root


@pytest.fixture
def system(tmp_path):
    def of(name, **fields):
        WRITERS["nccl-xml"](load(name, **fields), tmp_path / "topo.xml")
        return parse((tmp_path / "topo.xml").read_text())

    return of


def test_the_reader_refuses_what_nccl_refuses():
    for bad in ('<?xml version="1.0"?><system/>', '<system  version="1"/>', '<system\tversion="1"/>', "<gpu/>"):
        with pytest.raises(AssertionError):
            parse(bad)


def test_an_hgx_h100_has_8_gpus_of_18_links_on_4_nvswitches_and_8_adapters_of_400g(system):
    root = system("hgx-h100", nodes=2)
    assert root.attributes == {"version": "1"}
    gpus, nets = root.all("gpu"), root.all("net")
    assert [gpu.attributes["dev"] for gpu in gpus] == [str(n) for n in range(8)]
    assert {gpu.attributes["sm"] for gpu in gpus} == {"90"}
    for gpu in gpus:
        assert [int(link.attributes["count"]) for link in gpu.children] == [5, 4, 4, 5]
        assert {link.attributes["tclass"] for link in gpu.children} == {"0x068000"}
    assert {net.attributes["speed"] for net in nets} == {"400000"}
    assert len({net.attributes["guid"] for net in nets}) == len({net.attributes["name"] for net in nets}) == 8


def test_what_nccl_needs_of_every_tag_is_there(system):
    root = system("hgx-a100", nodes=2)
    for cpu in root.children:
        assert cpu.attributes.keys() == {"numaid", "affinity", "arch", "vendor", "familyid", "modelid"}
    busids = [pci.attributes["busid"] for pci in root.all("pci")]
    assert len(set(busids)) == len(busids)
    for pci in root.all("pci"):
        assert re.fullmatch(r"0000:[0-9a-f]{2}:[0-9a-f]{2}\.0", pci.attributes["busid"])
        assert pci.attributes["link_speed"] in _SPEEDS
        inside = {child.name for child in pci.children}
        klass = pci.attributes["class"]
        assert (klass[:6], inside) in [("0x0604", {"pci"}), ("0x0302", {"gpu"}), ("0x0207", {"nic"})]
    for gpu in root.all("gpu"):
        assert {"dev", "sm", "rank", "gdr"} <= gpu.attributes.keys()


def test_sockets_share_no_core(system):
    """Two sockets of 56 cores."""
    masks = [int(cpu.attributes["affinity"].replace(",", ""), 16) for cpu in system("hgx-h100", nodes=1).children]
    assert [mask.bit_count() for mask in masks] == [56, 56]
    assert masks[0] & masks[1] == 0


def test_a_rack_is_seen_from_one_of_its_compute_trays(system):
    """4 accelerators, 2 Graces, 18 links each to NVSwitches outside the tray."""
    root = system("gb200-nvl72", nodes=1)
    assert [cpu.attributes["arch"] for cpu in root.children] == ["arm64", "arm64"]
    assert [sum(int(link.attributes["count"]) for link in gpu.children) for gpu in root.all("gpu")] == [18] * 4
    assert len(root.all("net")) == 4


@pytest.mark.parametrize(("name", "fields"), [("mi300x", {"nodes": 1}), ("fat_tree", {"k": 4})])
def test_machines_that_nccl_does_not_run_on_are_refused(name, fields, tmp_path):
    with pytest.raises(InputError, match=r"NVIDIA|no server"):
        WRITERS["nccl-xml"](load(name, **fields), tmp_path / "topo.xml")
    assert list(tmp_path.iterdir()) == []
