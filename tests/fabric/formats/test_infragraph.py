"""InfraGraph's infrastructure, expanded by a strict reader of its schema: one2one, many2many, an index or a slice."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import product

import pytest
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.formats import WRITERS
from fabricsim.fabric.graph import SWITCH_KINDS, LinkKind, NodeKind
from fabricsim.topologies import load

FABRICS = [
    ("hgx-h100", {"nodes": 5}),
    ("gb200-nvl72", {"nodes": 1}),
    ("mi300x", {"nodes": 2}),
    ("fat_tree", {"k": 4}),
    ("dual_tor", {"nodes": 4}),
    ("dragonfly", {"p": 2}),
    ("tpu-v6e-pod", {}),
    ("composite", {"pods": [{"of": "hgx-h100", "fields": {"nodes": 2}}, {"of": "mi300x", "fields": {"nodes": 2}}]}),
]


def unique(rows) -> dict:
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names)
    return {row["name"]: row for row in rows}


def places(text: str, counts: dict[str, int]) -> list[str]:
    """`"port[0:3]"` as port.0, port.1, port.2; inside the component's count."""
    match = re.fullmatch(r"([A-Za-z0-9_-]+)\[(\d+)(?::(\d+))?\]", text)
    assert match, text
    first, stop = int(match[2]), int(match[3] or int(match[2]) + 1)
    assert first < stop <= counts[match[1]], text
    return [f"{match[1]}.{place}" for place in range(first, stop)]


def pairs(edge: dict, near: list[str], far: list[str]) -> list[tuple[str, str]]:
    assert edge["scheme"] in ("one2one", "many2many")
    return list(zip(near, far, strict=True) if edge["scheme"] == "one2one" else product(near, far))


class Infrastructure:
    """The nodes and edges that a document stands for: `edges` of (end, end, link), the lesser end first."""

    def __init__(self, document: dict) -> None:
        assert document.keys() == {"name", "description", "devices", "instances", "links", "edges"}
        self.devices, self.instances = unique(document["devices"]), unique(document["instances"])
        self.links = unique(document["links"])
        self.nodes: dict[str, str] = {}
        self.edges: Counter = Counter()
        self.speed = {name: link["physical"]["bandwidth"] for name, link in self.links.items()}
        for instance in self.instances.values():
            for number in range(instance["count"]):
                self._expand(f"{instance['name']}.{number}", self.devices[instance["device"]])
        for edge in document["edges"]:
            assert edge["link"] in self.links
            for one, other in pairs(edge, self._ends(edge["ep1"]), self._ends(edge["ep2"])):
                self.edges[(*sorted((one, other)), edge["link"])] += 1

    def _expand(self, machine: str, device: dict) -> None:
        links, counts = unique(device["links"]), self._counts(device)
        for component in device["components"]:
            for number in range(component["count"]):
                self.nodes[f"{machine}.{component['name']}.{number}"] = component["choice"]
        for edge in device["edges"]:
            assert edge["link"] in links
            self.speed |= {name: link.get("physical", {}).get("bandwidth") for name, link in links.items()}
            ends = (places(edge[end]["component"], counts) for end in ("ep1", "ep2"))
            for one, other in pairs(edge, *ends):
                self.edges[(*sorted((f"{machine}.{one}", f"{machine}.{other}")), edge["link"])] += 1

    def _ends(self, end: dict) -> list[str]:
        name = end["instance"].partition("[")[0]
        instance = self.instances[name]
        counts = self._counts(self.devices[instance["device"]])
        machines = places(end["instance"], {name: instance["count"]})
        return [f"{one}.{part}" for one, part in product(machines, places(end["component"], counts))]

    @staticmethod
    def _counts(device: dict) -> dict[str, int]:
        return {component["name"]: component["count"] for component in unique(device["components"]).values()}


def exported(fabric, tmp_path) -> Infrastructure:
    WRITERS["infragraph"](fabric, tmp_path / "infra.json")
    return Infrastructure(json.loads((tmp_path / "infra.json").read_text()))


@pytest.mark.parametrize(("name", "fields"), FABRICS)
def test_every_node_and_cable_is_there_with_its_bandwidth(name, fields, tmp_path):
    """A switch's ports, and a host's, come on top: an edge from each to its core."""
    fabric = load(name, **fields)
    found = exported(fabric, tmp_path)
    assert Counter(found.nodes.values())["xpu"] == len(fabric.of_kind(NodeKind.ACCELERATOR))
    inner = sum(count for (*_, link), count in found.edges.items() if link == "internal")
    assert found.edges.total() - inner == fabric.cables
    carried = sum(
        count * found.speed[link]["gigabits_per_second"]
        for (*_, link), count in found.edges.items()
        if link != "internal"
    )
    assert carried == pytest.approx(fabric.capacity_bps[::2].sum() / 1e9)


def test_a_cable_joins_the_ports_that_it_is_plugged_into(tmp_path):
    """Every cable of a tree, by the numbers of its switches and hosts among those of their kind."""
    fabric = load("fat_tree", k=4)
    found = exported(fabric, tmp_path)
    place = {}
    for kind in (NodeKind.HOST, *SWITCH_KINDS):
        end = "nic" if kind == NodeKind.HOST else "port"
        for number, node in enumerate(fabric.of_kind(kind).tolist()):
            place[node] = f"{kind.name.lower()}.{number}.{end}."
    (name,) = found.links
    for link in range(0, fabric.links, 2):
        ends = (f"{place[int(fabric.link_source[way])]}{fabric.port[way] - 1}" for way in (link, link ^ 1))
        assert found.edges[(*sorted(ends), name)] == 1


def test_a_server_is_one_device_however_many_there_are(tmp_path):
    found = exported(load("hgx-h100", nodes=7), tmp_path)
    assert found.instances["server"] == {"name": "server", "device": "hgx-h100", "count": 7}
    parts = {part["name"]: part["count"] for part in found.devices["hgx-h100"]["components"]}
    assert parts == {"xpu": 8, "nic": 8, "nvswitch": 4}


def test_servers_of_several_makes_are_several_devices(tmp_path):
    found = exported(load(*FABRICS[-1][:1], **FABRICS[-1][1]), tmp_path)
    assert {row["device"]: row["count"] for row in found.instances.values() if "server" in row["name"]} == {
        "hgx-h100": 2,
        "mi300x": 2,
    }


def test_a_cable_of_two_speeds_is_refused(tmp_path):
    builder = FabricBuilder("uneven")
    ids = builder.add_nodes(NodeKind.HOST, ["a", "b"])
    builder.add_cables(ids[0], ids[1], 4e11, 500, LinkKind.NETWORK, back_capacity_bps=1e11)
    with pytest.raises(InputError, match="faster one way"):
        WRITERS["infragraph"](builder.build(), tmp_path / "infra.json")
    assert not list(tmp_path.iterdir())


def test_the_same_fabric_is_written_the_same(tmp_path):
    for name in ("a", "b"):
        WRITERS["infragraph"](load("hgx-h100", nodes=3), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
