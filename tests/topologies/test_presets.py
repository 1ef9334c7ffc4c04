"""Presets of published systems: as large as their sources say, sound, and open about what is assumed."""

from __future__ import annotations

import pytest
from fabricsim.fabric.check import findings
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import SWITCH_KINDS, LinkKind, NodeKind
from fabricsim.fabric.metrics import summary
from fabricsim.topologies import PRESETS, describe, load
from fabricsim.topologies.bom import bom

ACCELERATORS = {
    "dgx-h100-superpod": 1024,
    "dgx-b200-superpod": 1024,
    "gb200-superpod": 576,
    "meta-24k-roce": 24576,
    "meta-24k-ib": 24576,
    "colossus-100k": 100_000,
    "alibaba-hpn": 15360,
    "deepseek-v3": 2048,
    "tpu-v4-pod": 4096,
    "tpu-v5p-pod": 8960,
    "tpu-v6e-pod": 256,
    "mi300x-cluster": 1024,
    "trn2-cluster": 2048,
    "hybrid-100k": 103_168,
    "campus-400k": 401_408,
    "vera-rubin-nvl144": 72,
}
LARGE = ("colossus-100k", "hybrid-100k", "campus-400k")


@pytest.mark.parametrize(("name", "count"), ACCELERATORS.items())
def test_a_preset_has_the_accelerators_of_its_system_and_no_faults(name, count):
    fabric = load(name)
    assert len(fabric.of_kind(NodeKind.ACCELERATOR)) == fabric.ranks == count
    assert findings(fabric) == ()


@pytest.mark.parametrize("name", sorted(ACCELERATORS.keys() - set(LARGE)))
def test_a_preset_fits_its_racks_and_cables_and_has_a_bill_of_materials(name):
    bill = bom(load(name))
    assert bill.findings == ()
    assert bill.gpus == ACCELERATORS[name]
    assert bill.cost_usd() is not None


@pytest.mark.parametrize("name", ACCELERATORS)
def test_what_a_preset_assumes_and_where_it_was_read_stands_in_the_fabric(name):
    described = describe(name)
    assert described.assumed or described.sources
    if name not in LARGE:
        said = load(name).meta["assumptions"]
        assert {f"assumed: {line}" for line in described.assumed} <= set(said)
        assert {f"source: {line}" for line in described.sources} <= set(said)


def test_every_preset_of_a_system_is_listed_here():
    plain = {name for name in PRESETS if not describe(name).assumed and not describe(name).sources}
    assert PRESETS.keys() - plain == ACCELERATORS.keys()


def test_deepseek_v3_is_eight_planes_of_one_adapter_each():
    """ISCA 2025, section 5.1: 256 servers, 8 planes; 2048 adapters on two tiers of 64-port switches: 8 x 12."""
    fabric = load("deepseek-v3")
    assert len(fabric.of_kind(*SWITCH_KINDS)) == 8 * (8 + 4)
    assert set(fabric.plane[fabric.link_kind == LinkKind.NETWORK].tolist()) == set(range(8))


def test_alibaba_hpn_has_sixteen_leaves_per_segment():
    """SIGCOMM 2024: 15 segments, two leaves for each of 8 rails."""
    assert len(load("alibaba-hpn").of_kind(NodeKind.LEAF)) == 15 * 16


def test_metas_roce_cluster_is_tapered_seven_to_one_between_pods():
    """192 leaves under each cluster switch, 27 cables up; 8 pods, 1,536 racks."""
    fabric = load("meta-24k-roce")
    assert len(fabric.of_kind(NodeKind.LEAF)) == 1536
    up = fabric.of_kind(NodeKind.CORE)
    assert 8 * len(up) == 8 * 16 * 27


def test_colossus_is_built_from_split_800g_ports():
    assert "SN5600" in load("colossus-100k", nodes=1600).meta["devices"]


def test_a_tpu_pods_routers_are_parts_of_its_chips():
    """No switch or adapter to buy, and every cable joins two chips of different boards."""
    fabric = load("tpu-v6e-pod")
    bill = bom(fabric)
    assert bill.count("switch", "nic") == 0
    assert bill.count("accelerator") == 256
    assert bill.count("host") == 64
    assert bill.count("cable") == 2 * 256 - 64 * 3  # a torus of 512 links, 3 of each board's inside it


def test_routers_on_chips_need_servers_around_them():
    with pytest.raises(SpecError, match="part of a server"):
        load("torus", dims="4x4", integrated=True)


def test_a_composite_repeats_a_pod_as_often_as_it_says():
    pod = {"of": "hgx-h100", "fields": {"nodes": 4, "su": 2}}
    repeated = load("composite", pods=[{**pod, "count": 3}], uplinks=2)
    listed = load("composite", pods=[pod] * 3, uplinks=2)
    assert (repeated.nodes, repeated.cables, repeated.ranks) == (listed.nodes, listed.cables, listed.ranks)
    assert (repeated.link_target == listed.link_target).all()


def test_a_spec_file_adds_to_what_its_preset_assumes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\npreset: mi300x-cluster\nassumed: [two leaves are spare]\nnodes: 16\n")
    said = load(path).meta["assumptions"]
    assert "assumed: two leaves are spare" in said
    assert any("no single cluster is meant" in line for line in said)


def test_a_preset_says_what_it_is_until_a_field_is_changed():
    text = describe("tpu-v6e-pod").text
    assert load("tpu-v6e-pod").meta["description"] == text
    assert "description" not in load("tpu-v6e-pod", dims="4x4").meta


def test_what_is_part_of_a_chip_has_no_price_to_miss():
    """256 chips, whose routers and ways to them are no parts."""
    assert summary(load("tpu-v6e-pod")).unpriced == ("256 TPU_v6e",)
