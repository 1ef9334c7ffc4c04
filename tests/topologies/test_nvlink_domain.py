"""Scale-up domains against the published machines."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.topologies import nvlink_domain


@pytest.mark.parametrize(
    ("server", "gpus", "widths", "scale_up_gbytes"),
    [
        ("hgx-a100", 8, [2] * 6, 300),
        ("hgx-h100", 8, [5, 4, 4, 5], 450),
        ("hgx-h200", 8, [5, 4, 4, 5], 450),
        ("hgx-b200", 8, [9, 9], 900),
        ("gb200-nvl72", 72, [1] * 18, 900),
    ],
)
def test_every_accelerator_has_a_bundle_to_every_nvswitch(server, gpus, widths, scale_up_gbytes):
    fabric = nvlink_domain(server=server)
    assert fabric.ranks == gpus == len(fabric.of_kind(NodeKind.ACCELERATOR))
    assert len(fabric.of_kind(NodeKind.NVSWITCH)) == len(widths)
    assert fabric.cables == gpus * len(widths)
    assert (fabric.link_kind == LinkKind.NVLINK).all()
    for gpu in fabric.endpoints.tolist():
        links = fabric.out_links(gpu)
        assert fabric.width[links].tolist() == widths
        assert fabric.capacity_bps[links].sum() == pytest.approx(scale_up_gbytes * 8e9)


def test_an_nvl72_chip_has_72_ports_and_the_rack_130_terabytes_per_second():
    fabric = nvlink_domain(server="gb200-nvl72")
    chips = fabric.of_kind(NodeKind.NVSWITCH)
    assert np.bincount(fabric.link_source, weights=fabric.width)[chips].tolist() == [72] * 18
    assert fabric.capacity_bps.sum() / 8 == pytest.approx(130e12, rel=0.004)


def test_fields_replace_the_server_kinds_numbers():
    fabric = nvlink_domain(gpus=4, nvswitches=3, links_per_gpu=7, link="200Gbps", hop_latency="40ns")
    assert fabric.ranks == 4
    assert fabric.width[fabric.out_links(0)].tolist() == [3, 2, 2]
    assert fabric.capacity_bps[fabric.out_links(0)].tolist() == [6e11, 4e11, 4e11]
    assert set(fabric.latency_ns.tolist()) == {40}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"nvswitches": 20}, "18 links per accelerator do not reach 20 NVSwitches"),
        ({"gpus": 0}, "gpus: "),
        ({"link": "25"}, "link: .*no unit"),
        ({"gpus": 10**8}, "gpus: makes 400,000,000 cables"),
        ({"network": "roce"}, "network: unknown field"),
    ],
)
def test_bad_fields_are_refused_by_name(fields, named):
    with pytest.raises(SpecError, match=named):
        nvlink_domain(**fields)
