"""Slurm's topology files, read back by strict readers of the documented grammars, and Kubernetes' node labels."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from fabricsim.fabric.errors import InputError
from fabricsim.fabric.formats import WRITERS
from fabricsim.fabric.formats.hostlist import hostlist
from fabricsim.topologies import load
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

_ITEM = re.compile(r"([A-Za-z0-9.-]*?)(?:\[([0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)\])?(?:,|$)")


def expand(text: str) -> list[str]:
    """The names of a hostlist; brackets only at the end of an item, as Slurm demands."""
    names, at = [], 0
    while at < len(text):
        item = _ITEM.match(text, at)
        assert item is not None, f"no hostlist: {text[at:]!r}"
        assert item.end() > at, f"no hostlist: {text[at:]!r}"
        if item[2] is None:
            names.append(item[1])
        for span in (item[2] or "").split(",") if item[2] else ():
            first, _, last = span.partition("-")
            names += [f"{item[1]}{number}" for number in range(int(first), int(last or first) + 1)]
        at = item.end()
    return names


def written(fabric, form, tmp_path) -> str:
    WRITERS[form](fabric, tmp_path / "out")
    return (tmp_path / "out").read_text()


def read_tree(text: str) -> dict[str, list[str]]:
    """The nodes of each switch in a topology.conf of topology/tree, which has one root and every name once."""
    held, nodes = {}, {}
    for line in text.splitlines():
        match = re.fullmatch(r"SwitchName=(\S+) (Nodes|Switches)=(\S+)", line)
        assert match, line
        assert match[1] not in held | nodes
        (nodes if match[2] == "Nodes" else held)[match[1]] = expand(match[3])
    check_tree(held, nodes)
    return nodes


def check_tree(held: dict[str, list[str]], nodes: dict[str, list[str]]) -> None:
    children = Counter(child for names in held.values() for child in names)
    assert set(children) <= held.keys() | nodes.keys()
    assert set(children.values()) <= {1}
    assert len((held.keys() | nodes.keys()) - children.keys()) == 1
    assert max(Counter(name for names in nodes.values() for name in names).values()) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b-1-", "rack7-", ""]), st.integers(0, 40)), unique=True, min_size=1))
def test_a_hostlist_names_exactly_its_hosts(pairs):
    names = [f"{prefix}x{number}" if prefix == "" else f"{prefix}{number}" for prefix, number in pairs]
    assert sorted(expand(hostlist(names))) == sorted(names)


def test_a_hostlist_is_as_short_as_its_runs():
    assert hostlist(["n3", "n0", "n1", "n7", "login"]) == "n[0-1,3,7],login"
    assert hostlist(["n007"]) == "n007"


def test_a_rail_optimized_cluster_is_scalable_units_under_a_spine(tmp_path):
    """128 servers, 32 to a scalable unit: 4 groups of machines on common leaves."""
    leaves = read_tree(written(load("hgx-h100", nodes=128, su=32), "slurm-tree", tmp_path))
    assert sorted(leaves.values()) == sorted([f"server-{n}" for n in range(su, su + 32)] for su in range(0, 128, 32))


def test_a_fat_tree_is_edge_switches_in_pods_under_a_core(tmp_path):
    """k = 4: 8 edge switches of 2 hosts, 4 pods."""
    text = written(load("fat_tree", k=4), "slurm-tree", tmp_path)
    leaves = read_tree(text)
    assert sorted(map(len, leaves.values())) == [2] * 8
    assert len(text.splitlines()) == 8 + 4 + 1


def test_a_dragonfly_is_routers_in_groups(tmp_path):
    """p = 2, a = 4, h = 2: 36 routers of 2 hosts in 9 groups."""
    text = written(load("dragonfly", p=2), "slurm-tree", tmp_path)
    assert sorted(map(len, read_tree(text).values())) == [2] * 36
    assert len(text.splitlines()) == 36 + 9 + 1


def test_a_rack_sized_domain_is_a_block_of_its_compute_trays(tmp_path):
    """NVL72: 18 trays of 4 accelerators."""
    lines = written(load("gb200-nvl72", nodes=3), "slurm-block", tmp_path).splitlines()
    blocks = [re.fullmatch(r"BlockName=(\S+) Nodes=(\S+)", line) for line in lines[:-1]]
    assert [expand(block[2]) for block in blocks] == [[f"tray-{rack}-{n}" for n in range(18)] for rack in range(3)]
    assert lines[-1] == "BlockSizes=18,36"


def test_block_sizes_double_from_the_smallest_block(tmp_path):
    lines = written(load("hgx-h100", nodes=128, su=32), "slurm-block", tmp_path).splitlines()
    assert lines[-1] == "BlockSizes=32,64,128"


@pytest.mark.parametrize(("name", "fields"), [("hgx-h100", {"nodes": 64, "su": 16}), ("gb200-nvl72", {"nodes": 3})])
def test_the_yaml_says_what_the_two_conf_files_say(name, fields, tmp_path):
    """topology.yaml(5): a list; of each, its name, whether it is the default, and one of tree, block, flat."""
    fabric = load(name, **fields)
    tree, block = YAML(typ="safe").load(written(fabric, "slurm-yaml", tmp_path))
    assert tree.keys() == {"topology", "cluster_default", "tree"}
    assert block.keys() == {"topology", "cluster_default", "block"}
    assert (tree["cluster_default"], block["cluster_default"]) == (True, False)
    switches = tree["tree"]["switches"]
    assert all(switch.keys() in ({"switch", "nodes"}, {"switch", "children"}) for switch in switches)
    nodes = {switch["switch"]: expand(switch["nodes"]) for switch in switches if "nodes" in switch}
    check_tree({s["switch"]: expand(s["children"]) for s in switches if "children" in s}, nodes)
    assert nodes == read_tree(written(fabric, "slurm-tree", tmp_path))
    lines = written(fabric, "slurm-block", tmp_path).splitlines()
    assert [f"BlockName={b['block']} Nodes={b['nodes']}" for b in block["block"]["blocks"]] == lines[:-1]
    assert f"BlockSizes={','.join(map(str, block['block']['block_sizes']))}" == lines[-1]


def test_node_labels_are_those_that_topograph_documents(tmp_path):
    """Tier 0 is the nearest switch; trays of one rack share an accelerator domain."""
    nodes = list(YAML(typ="safe").load_all(written(load("gb200-nvl72", nodes=2), "k8s-labels", tmp_path)))
    assert len(nodes) == 36
    assert {(node["apiVersion"], node["kind"]) for node in nodes} == {("v1", "Node")}
    labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in nodes}
    domain, tier = "accelerator.topograph.run/domain", "fabric.topograph.run/tier-0"
    assert len({own[domain] for own in labels.values()}) == 2
    assert labels["tray-1-0"][domain] == labels["tray-1-17"][domain] != labels["tray-0-0"][domain]
    for own in labels.values():
        assert own.keys() >= {domain, tier}
        assert all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value) for value in own.values())


def test_servers_of_one_machine_have_no_accelerator_domain(tmp_path):
    assert "accelerator." not in written(load("hgx-h100", nodes=4), "k8s-labels", tmp_path)


@pytest.mark.parametrize("form", ["slurm-tree", "slurm-block", "slurm-yaml", "k8s-labels"])
def test_a_fabric_without_a_network_is_refused_and_nothing_written(form, tmp_path):
    with pytest.raises(InputError, match="no network"):
        WRITERS[form](load("nvlink_domain"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
