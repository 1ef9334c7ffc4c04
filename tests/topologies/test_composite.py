"""Composite fabrics: the parts stay what they are, and what joins them is counted by hand."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.topologies import composite, load

SPEC = """\
version: 1
family: composite
pods:
  - {of: hgx-h100, fields: {nodes: 4}, site: east}
  - {of: mi300x, fields: {nodes: 3}, site: east}
  - of: dragonfly
    site: west
    fields: {p: 2, radix: 16}
uplinks: 2
hop_latency: 500ns
long_haul: {length: 80km, cables: 4, link: 800Gbps}
beside:
  - {name: storage, machines: 6, link: 200Gbps}
"""


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "campus.yaml"
    path.write_text(SPEC)
    return path


def below(fabric, prefix: str) -> np.ndarray:
    return np.flatnonzero(np.strings.startswith(fabric.node_name, prefix.encode()))


@pytest.mark.parametrize("pods", [["hgx-h100"], ["hgx-h100", "gb200-nvl72"], ["mi300x", "hgx-a100", "hgx-b200"]])
def test_every_pod_is_the_fabric_alone(pods):
    whole = composite(pods=pods)
    for number, name in enumerate(pods):
        alone, mine = load(name), below(whole, f"pod{number}.")
        inside = np.isin(whole.link_source, mine) & np.isin(whole.link_target, mine)
        shift = mine[0]
        assert (whole.node_kind[mine] == alone.node_kind).all()
        assert (whole.link_source[inside] - shift == alone.link_source).all()
        assert (whole.link_target[inside] - shift == alone.link_target).all()
        for column in ("capacity_bps", "latency_ns", "port", "rail", "width"):
            assert (getattr(whole, column)[inside] == getattr(alone, column)).all()


def test_ranks_run_over_the_pods_and_servers_are_numbered_on():
    whole = composite(pods=["hgx-h100", "mi300x"])
    assert whole.ranks == 64
    assert whole.column("server")[whole.endpoints].tolist() == [rank // 8 for rank in range(64)]
    known = whole.meta["devices"]
    devices = [known[device] for device in whole.column("device")[whole.endpoints].tolist()]
    assert devices == ["H100_SXM"] * 32 + ["MI300X"] * 32


def test_uplinks_go_round_the_spine_and_every_pod_meets_every_other(trunks):
    whole = composite(pods=["hgx-h100", "mi300x"], uplinks=4, spines=2)
    up = {pair: count for pair, count in trunks(whole).items() if pair[1].startswith("core")}
    assert up == {(f"pod{pod}.spine-0", f"core-0-{core}"): 2 for pod in (0, 1) for core in (0, 1)}
    graph = nx.Graph(whole.to_networkx())
    assert nx.is_connected(graph)


@pytest.mark.parametrize(
    ("uplinks", "radix", "spines"), [(1, 64, 1), (4, 64, 1), (16, 64, 1), (16, 16, 2), (8, 4, 4), (12, 6, 4)]
)
def test_a_spine_has_as_few_switches_as_take_the_cables_evenly(uplinks, radix, spines):
    """Two pods with one top switch each: ceil(uplinks / S) cables of either on the fullest, S dividing the uplinks."""
    whole = composite(pods=["hgx-h100", "hgx-h100"], uplinks=uplinks, radix=radix)
    cores = whole.of_kind(NodeKind.CORE)
    assert len(cores) == spines
    assert {len(whole.out_links(core)) for core in cores.tolist()} == {2 * uplinks // spines}


def test_light_takes_its_time_between_sites(written):
    """4.9 ns/m through 80 km on top of the cable's own 500 ns."""
    whole = load(written)
    core = whole.node_kind == NodeKind.CORE
    far = core[whole.link_source] & core[whole.link_target]
    assert far.sum() == 2 * 4
    assert set(whole.latency_ns[far].tolist()) == {500 + round(80_000 * 4.9)}
    assert set(whole.capacity_bps[far].tolist()) == {800e9}


def test_latencies_of_the_whole_hold_in_the_pods(written):
    whole = load(written)
    network = whole.link_kind == LinkKind.NETWORK
    near = network & (whole.latency_ns < 10_000)
    assert set(whole.latency_ns[near].tolist()) == {500}


def test_pods_on_different_sites_are_joined(written):
    whole = load(written)
    paths = router_for(whole, "ecmp").paths([0], [whole.ranks - 1])
    assert whole.latency_ns[paths.links].sum() > 392_000


def test_a_network_beside_carries_every_server_and_its_own_machines(written):
    whole = load(written)
    storage = below(whole, "storage.")
    assert Counter(whole.node_kind[storage].tolist()) == {NodeKind.NIC: 7, NodeKind.STORAGE: 6, NodeKind.LEAF: 1}
    nics = storage[whole.node_kind[storage] == NodeKind.NIC]
    assert whole.column("server")[nics].tolist() == list(range(7))
    assert whole.ranks == 32 + 24 + 72


def test_what_is_beside_can_be_ranks_too():
    beside = [{"name": "storage", "machines": 2}, {"name": "front", "machines": 1, "kind": "host"}]
    whole = composite(pods=["hgx-h100"], beside=beside, ranks="all")
    assert whole.ranks == 32 + (4 + 2) + (4 + 1)
    paths = router_for(whole, "ecmp").paths([32, 38], [36, 42])
    names = [[whole.label(int(whole.link_target[link])) for link in paths.links[start : start + 2]] for start in (0, 2)]
    assert names == [["storage.leaf-0", "storage.machine-0"], ["front.leaf-0", "front.machine-0"]]


def test_a_composite_may_hold_another():
    inner = {"of": "composite", "fields": {"pods": ["hgx-h100", "mi300x"]}}
    whole = composite(pods=["hgx-b200", inner], uplinks=2)
    assert whole.ranks == 96
    assert nx.is_connected(nx.Graph(whole.to_networkx()))


def test_faults_of_pods_stand_where_they_were_written(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(SPEC.replace("p: 2, radix: 16", "p: 2, radix: 3").replace("nodes: 3", "nodes: none"))
    with pytest.raises(SpecError) as caught:
        load(path)
    places = {(fault.line, fault.field) for fault in caught.value.faults}
    assert places == {(5, "pods.1.fields.nodes"), (8, "pods.2.fields.radix")}


def test_a_file_that_names_itself_is_refused(tmp_path):
    path = tmp_path / "loop.yaml"
    path.write_text(f"version: 1\nfamily: composite\npods: [{path}]\n")
    with pytest.raises(SpecError, match="composite itself"):
        load(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pods": "hgx-h10"}, "did you mean hgx-h100"),
        ({"pods": []}, "pods"),
        ({"pods": [{"of": "fat_tree", "fields": {"k": 4}}, "mi300x"]}, "pod0 have 0 ports left for 4 uplinks"),
        ({"pods": ["hgx-h100", "mi300x"], "uplinks": 64}, "32 ports left for 64 uplinks.*uplinks=32"),
        ({"pods": ["hgx-h100", {"of": "mi300x", "site": "far"}]}, "nothing joins the sites"),
        ({"pods": ["hgx-h100", "mi300x"], "long_haul": {"length": "1km", "cables": 1}}, "stand on one site"),
        ({"pods": [{"of": "mi300x", "fields": {"network": "roce"}}]}, "one spine is of one kind"),
        ({"pods": [{"of": "mi300x", "fields": {"nodes": 1}}, "mi300x"]}, "pod0 has no switch"),
        ({"pods": ["hgx-h100"] * 3, "uplinks": 32, "spines": 1}, "96 cables.*spines=2"),
        ({"pods": ["hgx-h100"] * 5, "uplinks": 1, "radix": 4}, "joins no 5 pods.*radix=5"),
        (
            {"pods": [{"of": "fat_tree", "fields": {"k": 4}}], "beside": [{"name": "s", "machines": 1}]},
            "no pod has servers",
        ),
        ({"pods": ["mi300x"], "beside": [{"name": "s", "machines": 1}] * 2}, "two networks have one name"),
        ({"pods": ["mi300x"], "long_haul": {"length": 80, "cables": 1}}, "no unit"),
    ],
)
def test_impossible_composites_are_refused(fields, words):
    with pytest.raises(SpecError, match=words):
        composite(**fields)


def test_what_pods_assume_alike_is_said_once():
    servers = {"of": "hgx-h100", "fields": {"nodes": 2}}
    said = load("composite", pods=[{**servers, "count": 3}, "gb200-nvl72", servers]).meta["assumptions"]
    named = [line.partition(":")[0] for line in said if "scalable units" in line]
    assert named == ["pod0 to pod2, pod4", "pod3"]
