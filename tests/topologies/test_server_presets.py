"""Server presets: what stands in one server of each, from the makers' figures."""

import numpy as np
import pytest
from fabricsim.fabric.check import findings
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.topologies import load

SWITCHED = [
    ("hgx-a100", 8, 6, 300, 200),
    ("hgx-h100", 8, 4, 450, 400),
    ("hgx-h200", 8, 4, 450, 400),
    ("hgx-h20", 8, 4, 450, 400),
    ("hgx-b200", 8, 2, 900, 400),
    ("hgx-b300", 8, 2, 900, 800),
    ("gb200-nvl72", 72, 18, 900, 400),
    ("gb300-nvl72", 72, 18, 900, 800),
]
MESHED = [("mi300x", 448), ("mi325x", 448), ("mi355x", 535.5)]


@pytest.mark.parametrize(("preset", "gpus", "nvswitches", "scale_up_gbytes", "nic_gbit"), SWITCHED)
def test_a_server_has_its_accelerators_nvswitches_and_adapters(preset, gpus, nvswitches, scale_up_gbytes, nic_gbit):
    """Scale-up bandwidth in GB/s per accelerator and direction; one adapter per accelerator."""
    fabric = load(preset, nodes=1)
    assert fabric.ranks == gpus
    assert len(fabric.of_kind(NodeKind.NVSWITCH)) == nvswitches
    assert len(fabric.of_kind(NodeKind.NIC)) == gpus
    up = (fabric.link_kind == LinkKind.NVLINK) & (fabric.link_source == fabric.endpoints[0])
    assert fabric.capacity_bps[up].sum() == pytest.approx(scale_up_gbytes * 8e9)
    cluster = load(preset, nodes=2)
    ports = (cluster.link_kind == LinkKind.NETWORK) & (cluster.node_kind[cluster.link_source] == NodeKind.NIC)
    assert set(cluster.capacity_bps[ports].tolist()) == {nic_gbit * 1e9}


@pytest.mark.parametrize(("preset", "scale_up_gbytes"), MESHED)
def test_instinct_servers_have_a_cable_between_each_two_accelerators(preset, scale_up_gbytes):
    fabric = load(preset, nodes=3)
    assert fabric.ranks == 24
    assert not len(fabric.of_kind(NodeKind.NVSWITCH))
    mesh = np.flatnonzero(fabric.link_kind == LinkKind.XGMI)
    server = fabric.column("server")
    assert (server[fabric.link_source[mesh]] == server[fabric.link_target[mesh]]).all()
    assert (
        len({(int(fabric.link_source[link]), int(fabric.link_target[link])) for link in mesh}) == 3 * 8 * 7 == len(mesh)
    )
    out = mesh[fabric.link_source[mesh] == fabric.endpoints[0]]
    assert fabric.capacity_bps[out].sum() == pytest.approx(scale_up_gbytes * 8e9)


@pytest.mark.parametrize("preset", [name for name, *_ in SWITCHED + MESHED])
def test_presets_have_no_faults_and_take_any_network(preset):
    assert findings(load(preset)) == ()
    assert load(preset, network="roce", nic="200Gbps").meta["network"] == "roce"


def test_racks_use_some_of_their_accelerators():
    assert load("gb300-nvl72", nodes=2, gpus_per_rack=36).ranks == 72
