"""Keysight's InfraGraph reads our export and expands it to a graph with our distances.

Without the package (`pip install fabricsim[interop]`) the tests are skipped, or fail where FABRICSIM_REQUIRE_INTEROP is
set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from fabricsim.fabric.formats import WRITERS
from fabricsim.fabric.graph import NodeKind
from fabricsim.fabric.metrics import summary
from fabricsim.topologies import load

_READ = """
import json, sys
import networkx as nx
from infragraph import Infrastructure
from infragraph.infragraph_service import InfraGraphService
infrastructure = Infrastructure()
infrastructure.deserialize(open(sys.argv[1]).read())
service = InfraGraphService()
service.set_graph(infrastructure.serialize())
graph = service.get_networkx_graph()
kinds = nx.get_node_attributes(graph, "type")
ends = [node for node, kind in kinds.items() if kind == sys.argv[2]]
far = nx.single_source_shortest_path_length(graph, ends[0])
print(json.dumps({
    "kinds": {kind: list(kinds.values()).count(kind) for kind in set(kinds.values())},
    "edges": graph.number_of_edges(),
    "connected": nx.is_connected(graph),
    "farthest": max(far[end] for end in ends),
}))
"""


def read(fabric, ends: str, tmp_path) -> dict:
    """What InfraGraph makes of the export: nodes by type, edges, and steps from the first of `ends` to the farthest."""
    if find_spec("infragraph") is None:
        reason = "needs InfraGraph: pip install fabricsim[interop]"
        (pytest.fail if os.environ.get("FABRICSIM_REQUIRE_INTEROP") else pytest.skip)(reason)
    WRITERS["infragraph"](fabric, tmp_path / "infra.json")
    command = [sys.executable, "-c", _READ, str(tmp_path / "infra.json"), ends]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_infragraph_sees_a_fat_tree_as_far_across_as_we_do(tmp_path):
    """Two steps inside each switch on the way, from port to asic to port, and one inside each host; and the cables."""
    fabric = load("fat_tree", k=4)
    seen = read(fabric, "cpu", tmp_path)
    assert seen["connected"]
    assert seen["kinds"] == {"cpu": 16, "nic": 16, "switch": 20, "port": 20 * 4}
    assert seen["edges"] == fabric.cables + 16 + 20 * 4
    switches = summary(fabric).diameter + 1
    assert seen["farthest"] == 1 + 2 * switches + (switches + 1) + 1


@pytest.mark.parametrize(
    ("name", "fields"), [("hgx-h100", {"nodes": 4}), ("mi300x", {"nodes": 2}), ("tpu-v6e-pod", {})]
)
def test_infragraph_sees_every_accelerator_and_cable_of_servers(name, fields, tmp_path):
    fabric = load(name, **fields)
    seen = read(fabric, "xpu", tmp_path)
    assert seen["connected"]
    assert seen["kinds"]["xpu"] == len(fabric.of_kind(NodeKind.ACCELERATOR))
    assert seen["edges"] == fabric.cables + seen["kinds"].get("port", 0)
