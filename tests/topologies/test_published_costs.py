"""Costs and powers that others have published, named after where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.catalogue import price_range
from fabricsim.fabric.graph import SWITCH_KINDS, LinkKind
from fabricsim.topologies import load
from fabricsim.topologies.bom import bom
from fabricsim.topologies.parts import NETWORK_KINDS
from fabricsim.topologies.quotes import Quote

# Zhao et al., "Insights into DeepSeek-V3", ISCA 2025, table 3: endpoints, switches, links between switches, and k$ per
# endpoint.
DEEPSEEK = {
    "FT2": (("clos", {"radix": 64, "tiers": 2}), 2048, 96, 2048, 4.39),
    "MPFT": (("multi_plane", {"planes": 8, "hosts": 2048}), 16384, 768, 16384, 4.39),
    "FT3": (("fat_tree", {"k": 64}), 65536, 5120, 131072, 7.5),
    "DF": (("dragonfly", {"p": 16, "g": 511}), 261632, 16352, 384272, 5.8),
}


def counts(row):
    """Endpoints, switches and links between switches of what we generate for a row of the table."""
    (family, fields), endpoints, *_ = DEEPSEEK[row]
    fabric = load(family, **fields)
    switch = np.isin(fabric.node_kind, SWITCH_KINDS)
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)[::2]
    between = switch[fabric.link_source[network]] & switch[fabric.link_target[network]]
    return endpoints, int(switch.sum()), int(between.sum())


def test_deepseek_isca25_table_3_costs_per_endpoint_follow_from_the_two_fat_trees():
    """One price for a switch, a link between switches, and an endpoint's port explains all four rows. The switch's is
    the catalogue's; the other two are fitted on FT2 and FT3, and MPFT and DF are then within 5%."""
    switch_kusd = price_range("QM9700").typical / 1e3
    system, known = [], []
    for row in ("FT2", "FT3"):
        endpoints, switches, links = counts(row)
        assert (switches, links) == DEEPSEEK[row][2:4]
        system.append([links / endpoints, 1.0])
        known.append(DEEPSEEK[row][4] - switch_kusd * switches / endpoints)
    link_kusd, port_kusd = np.linalg.solve(system, known)
    assert link_kusd > port_kusd > 0
    for row in ("MPFT", "DF"):
        endpoints, switches, links = counts(row)
        cost = (switch_kusd * switches + link_kusd * links) / endpoints + port_kusd
        assert cost == pytest.approx(DEEPSEEK[row][4], rel=0.05)


@pytest.mark.parametrize("row", ["FT2", "MPFT", "FT3"])
def test_deepseek_isca25_table_3_is_what_the_bill_of_materials_adds_up_to(row):
    """Optics on every cable, as in the table: servers of 8 adapters leave no room for a switch in their rack."""
    (family, fields), endpoints, *_, kusd = DEEPSEEK[row]
    bill = bom(load(family, **fields, server="hgx-h800"))
    cost = bill.cost_usd(NETWORK_KINDS)["typical"]
    assert cost / endpoints / 1e3 == pytest.approx(kusd, rel=0.06)


# Wang et al., "Rail-only", HOTI 2024, arXiv:2307.12169: against a full-bisection Clos, network cost is 38 to 77% lower
# and power 37 to 75%. For 32,768 accelerators in domains of 256: a Clos of 5N/R switches, rails of 4 leaves and 2
# spines (R = 64) or of one switch (R = 128).
RAIL_ONLY = {64: (2560, 1536), 128: (1280, 256)}


def rail_only(radix):
    """The Clos and the rail-only network."""
    clos = load("clos", hosts=32768, radix=radix, tiers=3, server="hgx-h100")
    return clos, load("rail_only", server="hgx-h100", nodes=128, nics_per_node=256, radix=radix)


def saved_by_counts(radix):
    """Shares of the Clos' switch ports and of its cables that the rail-only network does without."""
    fabrics = rail_only(radix)
    counted = [len(fabric.of_kind(*SWITCH_KINDS)) for fabric in fabrics]
    cables = [np.count_nonzero(fabric.link_kind == LinkKind.NETWORK) // 2 for fabric in fabrics]
    assert tuple(counted) == RAIL_ONLY[radix]
    return 1 - counted[1] / counted[0], 1 - cables[1] / cables[0]


@pytest.mark.parametrize(
    ("low", "high", "port_in_transceivers"), [(38, 77, (3.4, 4.1)), (37, 75, (1.75, 1.95))], ids=["cost", "power"]
)
def test_rail_only_hoti24_saves_what_its_counts_save_at_one_price_per_port_and_transceiver(
    low, high, port_in_transceivers
):
    """A Clos has 5 ports and 6 transceivers per accelerator. Wherever a port costs (or draws) between so many and so
    many transceivers, both printed ends of the range come out, rounded as printed."""
    counted = np.array([saved_by_counts(radix) for radix in RAIL_ONLY])
    for ratio in np.linspace(*port_in_transceivers, 4):
        share = 5 * ratio / (5 * ratio + 6)
        saved = 100 * counted @ (share, 1 - share)
        assert saved == pytest.approx([low, high], abs=0.5)


def test_rail_only_hoti24_saves_less_of_the_cost_at_the_catalogues_prices():
    """There a port costs about as much as a transceiver, not 3.4 to 4.1 of them: both ends lie below the paper's, by
    less than 5 points. 128-port switches at the cost and power per port of 64-port ones."""
    saved = []
    for radix in RAIL_ONLY:
        port_usd, port_w = price_range("QM9700").typical / 64, 747 / 64
        quote = Quote(typical=port_usd * radix, power_w=port_w * radix)
        bills = [bom(fabric, quotes={f"switch of {radix} ports": quote}) for fabric in rail_only(radix)]
        worth = np.array([(bill.cost_usd(NETWORK_KINDS)["typical"], bill.power_w(NETWORK_KINDS)) for bill in bills])
        saved.append(100 * (1 - worth[1] / worth[0]))
    (low_cost, low_power), (high_cost, high_power) = saved
    assert 38 - 5 < low_cost < 38
    assert 77 - 5 < high_cost < 77
    assert (low_power, high_power) == pytest.approx((37, 75), abs=2)


def test_nvl72_is_the_rack_that_nvidia_describes():
    """130 TB/s of NVLink, 13.4 to 13.8 TB of HBM, 36 Grace of 480 GB, about 120 kW, above 3 million USD."""
    bill = bom(load("nvlink_domain", server="gb200-nvl72"))
    assert bill.gpus == 72
    assert bill.scale_up_bps / 8e12 == pytest.approx(130, abs=1)
    assert 13.35 <= bill.hbm_bytes / 1e12 <= 13.85
    assert bill.count("cpu") == 36
    assert bill.cpu_memory_bytes == 36 * 480e9
    assert bill.power_w() == pytest.approx(120e3, rel=0.03)
    assert bill.cost_usd()["typical"] > 3e6
    assert bill.racks == 1


def test_a_dgx_h100_draws_10_2_kw():
    bill = bom(load("hgx-h100", nodes=1))
    assert bill.power_w() == pytest.approx(10.2e3)


def test_10000_b200_are_at_least_300_million_usd_of_hardware():
    bill = bom(load("hgx-b200", nodes=1250))
    assert bill.gpus == 10000
    assert bill.cost_usd()["low"] >= 300e6


@pytest.mark.parametrize(
    ("su", "leaves", "spines", "cores"), [(2, 16, 8, 0), (4, 32, 16, 0), (8, 64, 32, 0), (16, 128, 128, 64)]
)
def test_dgx_superpod_b200_switches_are_those_of_its_reference_architecture(su, leaves, spines, cores):
    """SU of 32 systems: switches and cables of the compute fabric."""
    bill = bom(load("hgx-b200", nodes=32 * su, su=32))
    assert bill.count("switch") == leaves + spines + cores
    assert bill.count("cable") == 256 * su * (3 if cores else 2)
