"""Every format that keeps everything gives the identical Fabric back, and the same bytes each time."""

from dataclasses import replace

import networkx as nx
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import InputError, ParseError
from fabricsim.fabric.formats import READERS, WRITERS
from fabricsim.fabric.graph import Fabric, NodeKind
from hypothesis import given, settings
from hypothesis import strategies as st

LOSSLESS = ["fabric", "graphml", "json"]
TREES_ONLY = {"htsim"}


@pytest.mark.parametrize("name", LOSSLESS)
def test_export_and_import_give_the_identical_fabric(any_fabric, name, tmp_path):
    WRITERS[name](any_fabric, tmp_path / "file")
    assert READERS[name](tmp_path / "file") == any_fabric


def test_networkx_and_back_is_the_identical_fabric(any_fabric):
    assert Fabric.from_networkx(any_fabric.to_networkx()) == any_fabric


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_the_same_fabric_gives_the_same_bytes_or_is_refused_again(any_fabric, name, tmp_path):
    """Formats that cannot say everything refuse a fabric, and leave nothing behind."""
    fabric, said = any_fabric, []
    if name == "simgrid":  # a line per pair of ranks
        fabric = replace(fabric, endpoints=fabric.endpoints[::8])
    for copy in ("one", "two"):
        try:
            WRITERS[name](fabric, tmp_path / copy)
        except InputError as error:
            said.append(str(error))
    if said:
        assert said[0] == said[1]
        assert not list(tmp_path.iterdir())
    else:
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_networkx_reads_our_json_as_the_graph_that_it_is(two_leaves, tmp_path):
    import json

    WRITERS["json"](two_leaves, tmp_path / "file")
    graph = nx.node_link_graph(json.loads((tmp_path / "file").read_text()))
    assert dict(graph.degree) == dict(two_leaves.to_networkx().degree)
    assert {key for _, _, key in graph.edges(keys=True)} == set(range(two_leaves.links))


def test_networkx_reads_our_graphml_as_the_graph_that_it_is(two_leaves, tmp_path):
    WRITERS["graphml"](two_leaves, tmp_path / "file")
    graph = nx.read_graphml(tmp_path / "file", force_multigraph=True)
    ours = two_leaves.to_networkx()
    assert dict(graph.degree) == dict(ours.degree)
    assert sorted(data["capacity_bps"] for *_, data in graph.edges(data=True)) == sorted(two_leaves.capacity_bps)
    assert {int(data["guid"], 16) for _, data in graph.nodes(data=True)} == set(two_leaves.column("guid").tolist())


@pytest.mark.parametrize("name", ["graphml", "json"])
def test_an_undirected_graph_of_another_program_is_a_network(name, tmp_path):
    import json

    graph = nx.Graph()
    graph.add_node("h", kind="host")
    graph.add_node("s", kind="switch")
    graph.add_edge("h", "s", capacity_bps=1e9, latency_ns=5)
    if name == "graphml":
        nx.write_graphml(graph, tmp_path / "file")
    else:
        (tmp_path / "file").write_text(json.dumps(nx.node_link_data(graph)))
    fabric = READERS[name](tmp_path / "file")
    assert (fabric.cables, fabric.ranks) == (1, 1)
    assert fabric.capacity_bps.tolist() == [1e9, 1e9]


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_folder_that_is_missing_is_named_and_nothing_is_written(name, tmp_path):
    fabric = topologies.load("fat_tree", k=4) if name in TREES_ONLY else topologies.load("hgx-h100", nodes=2)
    with pytest.raises(InputError, match="cannot be written"):
        WRITERS[name](fabric, tmp_path / "missing" / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_file_that_is_missing_a_folder_or_empty_is_refused(name, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "empty"):
        with pytest.raises(ParseError) as caught:
            READERS[name](path)
        assert caught.value.faults[0].file == str(path)


def test_a_name_that_xml_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    builder = FabricBuilder("x")
    builder.add_nodes(NodeKind.HOST, ["bell\a"])
    with pytest.raises(InputError, match="XML"):
        WRITERS["graphml"](builder.build(), tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", LOSSLESS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_give_a_fabric_or_a_list_of_faults(two_leaves, name, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    WRITERS[name](two_leaves, folder / "file")
    content = bytearray((folder / "file").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        stop = start + data.draw(st.sampled_from([0, 1, 1, 1, 5, 200, len(content)]))
        content[start:stop] = data.draw(
            st.sampled_from([b"", b"0", b"9", b"-1", b'"', b"<", b"null", b"1e400", b"\xff", b"\0", b"[", b"}"])
        )
        if not content:
            break
    (folder / "file").write_bytes(bytes(content))
    try:
        fabric = READERS[name](folder / "file")
    except ParseError:
        return
    assert Fabric.from_networkx(fabric.to_networkx()) == fabric
