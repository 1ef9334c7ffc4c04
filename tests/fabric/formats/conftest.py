"""Fabrics that every format is tried on: a real cluster, a small imported one, and generated ones."""

from pathlib import Path

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.catalogue import server_kind
from fabricsim.fabric.formats.ibnetdiscover import read_ibnetdiscover
from fabricsim.fabric.graph import Fabric, NodeKind
from fabricsim.topologies.imported import add_servers

DUMPS = Path(__file__).parents[2] / "data" / "ibnetdiscover"


@pytest.fixture(scope="session")
def ndr_cluster_file() -> Path:
    """ibnetdiscover on a live NDR cluster: 40 switches of 64 ports, 582 channel adapters, 1114 cables."""
    return DUMPS / "ndr_cluster.txt"


@pytest.fixture(scope="session")
def two_leaves_file() -> Path:
    """Two leaves under one spine by two cables each; servers node-2 and node-10 with an adapter on each leaf; a storage
    host with a port on each; and two adapters that nobody named."""
    return DUMPS / "two_leaves.txt"


@pytest.fixture(scope="session")
def ndr_cluster(ndr_cluster_file) -> Fabric:
    return read_ibnetdiscover(ndr_cluster_file)


@pytest.fixture(scope="session")
def two_leaves(two_leaves_file) -> Fabric:
    return read_ibnetdiscover(two_leaves_file)


def _awkward() -> Fabric:
    """Names, numbers and cables that a careless writer would lose."""
    builder = FabricBuilder('a "b" <c> & é\n', {"family": "test", "list": [1, 2.5, None, {"x": "ü"}]})
    guid = np.array([2**64 - 1, 0], dtype="u8")
    hosts = builder.add_nodes(
        NodeKind.HOST, ['h<&>"', "tab\there"], guid=guid, description=["first\r\n", " "], lid=[7, -1]
    )
    switch = builder.add_nodes(NodeKind.SWITCH, ["s\\"])
    ports = {"source_port": [3, 5, 9], "target_port": [2, 1, 7], "width": [1, 2, 3], "rail": [0, -1, 4]}
    builder.add_cables(
        hosts[[0, 1, 1]], switch[[0, 0, 0]], [1e9 / 3, 1e11, 1e11], [1, 0, 2**40], back_capacity_bps=0.1, **ports
    )
    return builder.build([1, 0])


@pytest.fixture(
    scope="session",
    params=["ndr_cluster", "ndr_cluster with servers", "two_leaves", "awkward", "fat_tree", "hgx-h100", "gb200-nvl72"],
)
def any_fabric(request, ndr_cluster, two_leaves) -> Fabric:
    """Each of the fabrics in turn."""
    make = {
        "ndr_cluster": lambda: ndr_cluster,
        "ndr_cluster with servers": lambda: add_servers(ndr_cluster, server_kind("hgx-h100")),
        "two_leaves": lambda: two_leaves,
        "awkward": _awkward,
        "fat_tree": lambda: topologies.fat_tree(k=4),
        "hgx-h100": lambda: topologies.load("hgx-h100", nodes=4),
        "gb200-nvl72": lambda: topologies.load("gb200-nvl72", nodes=1),
    }
    return make[request.param]()
