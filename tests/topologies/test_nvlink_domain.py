"""Scale-up domains against the published machines."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.fabric.metrics import summary
from fabricsim.fabric.routing import router_for, scale_up
from fabricsim.topologies import nvlink_domain, rail_optimized


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


SECOND_TIERS = {
    # 32 DGX H100 at 2:1: 72 of 144 NVLinks of each go up, to 18 switches of 128 ports (NVIDIA, Hot Chips 34).
    "DGX H100 SuperPOD": ({"racks": 32, "oversubscription": "2:1", "radix": 128}, 256, 32 * 4, 18, 32 * 72),
    # 32 trays of 8 with 3 switches of 128 ports each, 96 of the first and 36 of the second tier (NVIDIA 2023).
    "DGX GH200": ({"racks": 32, "nvswitches": 3, "links_per_gpu": 18, "radix": 128}, 256, 96, 36, 32 * 144),
    # 8 racks of 72: 10,368 NVLinks up, to switches (trays of two chips) of 144 ports.
    "NVL576": ({"server": "gb200-nvl72", "racks": 8, "radix": 144}, 576, 144, 72, 576 * 18),
}


@pytest.mark.parametrize(("fields", "gpus", "lower", "upper", "links_up"), SECOND_TIERS.values(), ids=SECOND_TIERS)
def test_a_second_tier_has_the_published_counts(fields, gpus, lower, upper, links_up):
    fabric = nvlink_domain(**fields)
    assert fabric.ranks == gpus
    nvswitches = fabric.of_kind(NodeKind.NVSWITCH)
    in_rack = fabric.column("server")[nvswitches] >= 0
    assert (int(in_rack.sum()), int((~in_rack).sum())) == (lower, upper)
    above = np.isin(fabric.link_source, nvswitches[in_rack]) & np.isin(fabric.link_target, nvswitches[~in_rack])
    assert fabric.width[above].sum() == links_up
    ports = np.bincount(fabric.link_source, weights=fabric.width, minlength=fabric.nodes)[nvswitches]
    assert ports.max() <= fields["radix"]


def test_the_h100_superpod_has_57_terabytes_per_second_across_both_ways():
    fabric = nvlink_domain(**SECOND_TIERS["DGX H100 SuperPOD"][0])
    found = summary(fabric)
    assert 2 * found.bisection_bps / 8 == pytest.approx(57.6e12)
    assert found.oversubscription == pytest.approx(2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"server": "gb200-nvl72", "racks": 8},
            "72 NVLinks down and 72 up are more than the 72 .*gpus=36 or radix=144",
        ),
        ({"racks": 32}, "40 NVLinks down and 40 up are more than the 64 ports.*gpus=6 or radix=80"),
        ({"racks": 100, "gpus": 4}, "64 ports does not join 100 racks .racks=64"),
        ({"radix": 128}, "one rack has no second tier"),
        ({"oversubscription": 2}, "one rack has no second tier"),
    ],
)
def test_a_second_tier_that_cannot_be_is_refused_with_the_arithmetic(fields, words):
    with pytest.raises(SpecError, match=words):
        nvlink_domain(**fields)


@pytest.mark.parametrize("rule", ["auto", "ecmp", "updn", "wcmp"])
def test_a_path_between_racks_crosses_one_switch_of_the_second_tier(rule):
    fabric = nvlink_domain(racks=4, oversubscription=2)
    router = router_for(fabric, rule)
    paths = router.paths([0, 0, 0], [7, 8, 31])
    assert np.diff(paths.indptr).tolist() == [2, 4, 4]
    for start, end, src, dst in zip(paths.indptr[:-1], paths.indptr[1:], [0, 0, 0], [7, 8, 31], strict=True):
        links = paths.links[start:end]
        assert fabric.link_source[links[0]] == fabric.endpoints[src]
        assert fabric.link_target[links[-1]] == fabric.endpoints[dst]
        assert (fabric.link_target[links[:-1]] == fabric.link_source[links[1:]]).all()


def test_a_transfer_between_racks_spreads_over_every_nvlink_of_its_accelerator():
    fabric = nvlink_domain(racks=4, oversubscription=2)
    spread = router_for(fabric).spread([0], [31])
    share = {fabric.link_label(link).split(":")[0]: 0.0 for link in spread.links.tolist()}
    for link, part in zip(spread.links.tolist(), spread.shares.tolist(), strict=True):
        share[fabric.link_label(link).split(":")[0]] += part
    assert share["gpu-0-0"] == pytest.approx(1)
    assert [share[f"nvswitch-3-{s}"] for s in range(4)] == pytest.approx([5 / 18, 4 / 18, 4 / 18, 5 / 18])
    assert sum(part for name, part in share.items() if name.startswith("nvspine")) == pytest.approx(1)


def test_racks_joined_by_nvswitches_are_one_scale_up_domain():
    joined, alone = nvlink_domain(racks=4, oversubscription=2), rail_optimized(nodes=4)
    assert set(scale_up(joined).domain.tolist()) == {0}
    assert sorted(set(scale_up(alone).domain.tolist())) == [0, 1, 2, 3]
