"""Accelerators behind the adapters of an imported network."""

from pathlib import Path

import numpy as np
import pytest
from fabricsim import topologies
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.catalogue import server_kind
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.formats.ibnetdiscover import ibnetdiscover_text, read_ibnetdiscover
from fabricsim.fabric.graph import Fabric, LinkKind, NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.topologies.imported import add_servers

KIND = server_kind("hgx-h100")
GPUS = 8
NVLINKS = (5, 4, 4, 5)


@pytest.fixture(scope="module")
def cluster() -> Fabric:
    return read_ibnetdiscover(Path(__file__).parents[1] / "data" / "ibnetdiscover" / "ndr_cluster.txt")


@pytest.fixture(scope="module")
def with_servers(cluster) -> Fabric:
    return add_servers(cluster, KIND)


def small(*adapters_of_server: int) -> Fabric:
    """Servers with so many adapters each, all on one switch."""
    builder = FabricBuilder("small", {"family": "imported"})
    server = np.repeat(np.arange(len(adapters_of_server)), adapters_of_server)
    nics = builder.add_nodes(NodeKind.NIC, [f"nic {n}" for n in range(len(server))], server=server)
    switch = builder.add_nodes(NodeKind.LEAF, ["leaf"])
    builder.add_cables(nics, np.repeat(switch, len(nics)), 4e11, 450)
    return builder.build()


def adapters_in_use(fabric: Fabric) -> list[str]:
    """The adapter of each rank."""
    bus = np.flatnonzero(fabric.link_kind == LinkKind.PCIE)[::2]
    of_node = dict(zip(fabric.link_source[bus].tolist(), fabric.link_target[bus].tolist(), strict=True))
    return [fabric.label(of_node[node]) for node in fabric.endpoints.tolist()]


def test_servers_with_half_the_adapters_get_accelerators(cluster, with_servers):
    server = cluster.column("server")
    adapters = np.bincount(server[server >= 0])
    assert with_servers.ranks == GPUS * (adapters >= 4).sum() == 872
    assert set(with_servers.node_kind[with_servers.endpoints].tolist()) == {NodeKind.ACCELERATOR}


def test_the_network_itself_is_untouched(cluster, with_servers):
    assert ibnetdiscover_text(with_servers) == ibnetdiscover_text(cluster)


def test_each_accelerator_has_its_nvlinks(with_servers):
    gpu = int(with_servers.endpoints[0])
    links = with_servers.out_links(gpu)
    nvlinks = links[with_servers.link_kind[links] == LinkKind.NVLINK]
    assert with_servers.width[nvlinks].tolist() == list(NVLINKS)
    assert with_servers.capacity_bps[nvlinks].sum() == pytest.approx(450e9 * 8)


def test_accelerators_share_adapters_where_fewer_are_known():
    assert adapters_in_use(add_servers(small(4), KIND)) == [f"nic {n}" for n in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert adapters_in_use(add_servers(small(5), KIND)) == [f"nic {n}" for n in (0, 0, 1, 1, 2, 3, 3, 4)]
    assert adapters_in_use(add_servers(small(8), KIND)) == [f"nic {n}" for n in range(8)]


def test_surplus_adapters_stay_unused():
    assert adapters_in_use(add_servers(small(10), KIND)) == [f"nic {n}" for n in range(8)]


def test_servers_of_different_sizes_stand_side_by_side():
    fabric = add_servers(small(8, 3, 4), KIND)
    assert fabric.column("server")[fabric.endpoints].tolist() == [0] * GPUS + [2] * GPUS
    assert adapters_in_use(fabric)[GPUS:] == [f"nic {11 + n}" for n in (0, 0, 1, 1, 2, 2, 3, 3)]


def test_ranks_of_one_server_talk_over_nvlink_and_others_over_the_network(with_servers):
    router = router_for(with_servers)
    paths = router.paths([0, 0], [7, 8])
    assert with_servers.link_kind[paths.links[:2]].tolist() == [LinkKind.NVLINK] * 2
    far = with_servers.link_kind[paths.links[2:]].tolist()
    assert (far[0], far[-1]) == (LinkKind.PCIE, LinkKind.PCIE)


def test_what_was_assumed_is_said(with_servers):
    said = " ".join(with_servers.meta["assumptions"])
    assert "109 of 120 servers known by name are hgx-h100" in said
    assert "106 adapters carry no rank" in said  # 542 less 4 in each of 109
    assert with_servers.meta["server"] == "hgx-h100"
    assert with_servers.meta["devices"] == ["H100_SXM"]


def test_a_fabric_without_such_servers_is_refused():
    with pytest.raises(SpecError, match="at least 4 adapters known by name; the most known is 3"):
        add_servers(small(3, 1), KIND)


def test_a_fabric_that_has_accelerators_is_refused():
    with pytest.raises(SpecError, match="accelerators already"):
        add_servers(topologies.load("hgx-h100", nodes=1), KIND)


def test_a_saved_import_is_loaded_with_servers(cluster, with_servers, tmp_path):
    cluster.save(tmp_path / "cluster.fabric")
    assert topologies.load(tmp_path / "cluster.fabric", server="hgx-h100") == with_servers
