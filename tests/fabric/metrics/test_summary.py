"""The dozen numbers: against published counts and formulas."""

from __future__ import annotations

from time import perf_counter

import pytest
from fabricsim import topologies
from fabricsim.fabric.catalogue import catalogue
from fabricsim.fabric.metrics import summary

KEYS = {
    "endpoints", "gpus", "switches", "nvswitches", "cables", "links", "diameter", "bisection_bps", "tiers", "power_w",
    "cost_usd", "oversubscription",
}  # fmt: skip


def test_the_document_has_the_keys_of_the_contract(fat_tree_4):
    assert summary(fat_tree_4).to_dict().keys() >= KEYS


@pytest.mark.parametrize("k", [4, 6, 8, 16, 32])
def test_a_fat_tree_has_the_counts_of_its_formulas(k):
    """Al-Fares et al., SIGCOMM 2008, section 3."""
    shown = summary(topologies.fat_tree(k=k, link="400Gbps"))
    assert (shown.endpoints, shown.switches, shown.cables) == (k**3 // 4, 5 * k**2 // 4, 3 * k**3 // 4)
    assert (shown.links, shown.gpus, shown.diameter) == (2 * shown.cables, 0, 4)
    assert shown.bisection_bps == k**3 / 8 * 400e9
    assert shown.oversubscription == 1.0
    assert [(tier.kind, tier.switches) for tier in shown.tiers] == [
        ("leaf", k**2 // 2), ("agg", k**2 // 2), ("core", k**2 // 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("units", "leaves", "spines", "cores", "cables"),
    [
        (2, 16, 8, 0, 1024),
        (4, 32, 16, 0, 2048),
        (8, 64, 32, 0, 4096),
        (16, 128, 128, 64, 12288),
        (32, 256, 256, 128, 24576),
    ],
)
def test_superpod_tables(units, leaves, spines, cores, cables):
    """NVIDIA DGX SuperPOD with DGX B200 systems, compute fabric table: units of 32 nodes, 64-port switches."""
    shown = summary(topologies.load("hgx-b200", nodes=32 * units))
    assert [tier.switches for tier in shown.tiers] == [n for n in (leaves, spines, cores) if n]
    assert shown.gpus == shown.endpoints == 256 * units
    assert shown.cables == cables
    assert shown.nvswitches == 2 * 32 * units
    assert shown.diameter == (4 if cores else 2)
    assert shown.bisection_bps == 256 * units * 400e9 / 2


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_bisection_of_a_tapered_cluster_is_hosts_times_rate_over_twice_the_ratio(ratio):
    shown = summary(topologies.load("hgx-h100", nodes=64, oversubscription=ratio))
    assert shown.bisection_bps == pytest.approx(512 * 400e9 / (2 * ratio))
    assert shown.oversubscription == pytest.approx(ratio)


def test_a_scale_up_domain_alone_counts_its_own_links():
    """GB200 NVL72: 72 GPUs, 18 switch chips, a link from each to each, 900 GB/s a GPU each way: 130 TB/s in all."""
    shown = summary(topologies.nvlink_domain(server="gb200-nvl72"))
    assert (shown.gpus, shown.nvswitches, shown.switches, shown.cables) == (72, 18, 0, 1296)
    assert shown.bisection_bps == 72 * 900e9 * 8 / 2


def test_a_full_mesh_of_accelerators_is_cut_by_a_quarter_of_its_links():
    """n^2 / 4 of the links of a complete graph join its halves: 16 of the 28 between 8 accelerators."""
    shown = summary(topologies.load("mi300x", nodes=1))
    links = catalogue().accelerators["MI300X"].scaleup_gbps_bytes_per_dir.value * 8e9
    assert shown.bisection_bps == pytest.approx(16 * links / 7)


def test_the_real_cluster_is_counted_as_its_dump_lists_it(ndr_cluster):
    """40 switches and 542 host ports; 1114 cables with the 40 of the switches' own reduction units."""
    shown = summary(ndr_cluster)
    assert (shown.endpoints, shown.switches, shown.cables, shown.diameter) == (542, 40, 1114, 2)
    assert [tier.switches for tier in shown.tiers] == [31, 9]
    assert shown.power_w is None
    assert shown.cost_usd is None


def test_cost_and_power_are_those_of_the_devices():
    shown = summary(topologies.load("hgx-h100", nodes=2))
    known = catalogue()
    h100, nic, switch = known.accelerators["H100_SXM"], known.nics["ConnectX-7"], known.switches["QM9700"]
    leaves = shown.switches
    assert shown.cost_usd == 16 * h100.price_usd.value + 16 * nic.price_usd.value + leaves * switch.price_usd.value
    assert shown.power_w == 16 * h100.tdp_w.value + 16 * nic.power_w.value + leaves * switch.power_typ_w.value
    assert shown.unpriced == ()


def test_a_device_is_priced_as_in_the_bill_of_materials():
    """B200: the middle of 30,000 to 40,000 USD, which its maker's chief executive named."""
    shown = summary(topologies.load("hgx-b200", nodes=2))
    nic, switch = catalogue().nics["ConnectX-7"].price_usd.value, catalogue().switches["QM9700"].price_usd.value
    assert shown.cost_usd == 16 * (35_000 + nic) + shown.switches * switch


def test_parts_without_a_price_are_counted_apart():
    shown = summary(topologies.load("vera-rubin-nvl144"))
    assert shown.unpriced == ("72 Rubin_VR200",)
    assert shown.cost_usd is None
    assert any("without a price: 72 Rubin_VR200" in sentence for sentence in shown.assumptions)


def test_65536_accelerators_are_summed_up_in_two_seconds():
    fabric = topologies.load("hgx-b200", nodes=8192)
    start = perf_counter()
    assert summary(fabric).gpus == 65_536
    assert perf_counter() - start < 2
