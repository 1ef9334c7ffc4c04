"""Bill of materials: counts against the wiring, sums against their parts, and what is unknown told apart."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.catalogue import catalogue
from fabricsim.fabric.errors import ParseError, SpecError
from fabricsim.fabric.graph import SWITCH_KINDS, NodeKind
from fabricsim.topologies import load
from fabricsim.topologies.bom import bom
from fabricsim.topologies.hall import Hall
from fabricsim.topologies.parts import KINDS
from fabricsim.topologies.quotes import Quote, read_quotes

FABRICS = [
    ("hgx-h100", {"nodes": 40, "su": 8}),
    ("gb200-nvl72", {"nodes": 3}),
    ("fat_tree", {"k": 8}),
    ("dragonfly", {"p": 3}),
    ("mi300x", {"nodes": 9}),
    ("dual_tor", {"nodes": 12}),
]


@pytest.mark.parametrize(("name", "fields"), FABRICS)
def test_pieces_are_those_of_the_wiring(name, fields):
    fabric = load(name, **fields)
    bill = bom(fabric)
    assert bill.count("accelerator") == len(fabric.of_kind(NodeKind.ACCELERATOR))
    assert bill.count("nic") == len(fabric.of_kind(NodeKind.NIC))
    assert bill.count("nvswitch") == len(fabric.of_kind(NodeKind.NVSWITCH))
    assert bill.count("switch") == len(fabric.of_kind(*SWITCH_KINDS))
    assert bill.count("rack") == bill.racks
    assert {part.kind for part in bill.parts} <= set(KINDS)


@pytest.mark.parametrize(("name", "fields"), FABRICS)
def test_totals_are_sums_of_the_parts(name, fields):
    bill = bom(load(name, **fields))
    document = bill.to_dict()
    parts, totals = document["parts"], document["totals"]
    for level in ("low", "typical", "high"):
        assert totals["cost_usd"][level] == pytest.approx(sum(p["cost_usd"][level] for p in parts if p["cost_usd"]))
    assert totals["it_power_w"] == pytest.approx(sum(p["power_w"] or 0 for p in parts))
    assert totals["facility_power_w"] == pytest.approx(totals["it_power_w"] * 1.2)
    network = [p["power_w"] or 0 for p in parts if p["kind"] in ("switch", "cable", "transceiver")]
    assert totals["network_power_w"] == pytest.approx(sum(network))
    assert totals["cost_usd"]["low"] <= totals["cost_usd"]["typical"] <= totals["cost_usd"]["high"]


def test_the_document_has_the_documented_keys():
    document = bom(load("hgx-h100", nodes=2)).to_dict()
    assert {"parts", "totals"} <= document.keys()
    assert all({"kind", "name", "count", "cost_usd", "power_w"} <= part.keys() for part in document["parts"])
    wanted = {"cost_usd", "network_power_w", "it_power_w", "facility_power_w", "racks", "unpriced"}
    assert wanted <= document["totals"].keys()


def test_every_optical_cable_end_has_its_share_of_a_transceiver():
    """128 servers, 1024 adapters on twin-port cages: every adapter one of its own, every two switch ports one."""
    fabric = load("clos", radix=64, tiers=2, server="hgx-h100")
    bill = bom(fabric)
    optical = sum(part.count for part in bill.parts if part.name.startswith("fibre"))
    adapters = sum(part.count for part in bill.parts if part.name == "MMA4Z00_NS400_SR4_400G")
    twins = sum(part.count for part in bill.parts if part.name == "MMA4Z00_NS_twin_SR4_800G")
    switch_ends = 2 * optical - adapters
    assert switch_ends / 2 <= twins <= switch_ends / 2 + bill.count("switch") / 2


def test_a_server_draws_what_its_machine_does_whatever_its_parts():
    """Cables and switches apart."""
    for name, watts in (("hgx-h100", 10.2e3), ("hgx-b200", 14.3e3), ("gb200-nvl72", 120e3)):
        bill = bom(load(name, nodes=2))
        assert bill.power_w(("accelerator", "cpu", "host", "nic")) == pytest.approx(2 * watts)


def test_a_part_without_a_price_is_counted_apart_and_not_as_zero():
    bill = bom(load("fat_tree", k=8))
    names = {part.name: part.count for part in bill.unpriced}
    assert names == {"host": 128, "switch of 8 ports": 80}
    switch = next(part for part in bill.to_dict()["parts"] if part["kind"] == "switch")
    assert switch["cost_usd"] is None
    assert switch["power_w"] is None
    assert {row["name"] for row in bill.totals()["unpriced"]} == set(names)


def test_a_quote_replaces_the_catalogues_price_and_power():
    fabric = load("fat_tree", k=8)
    quotes = {"switch of 8 ports": Quote(typical=1000, power_w=50), "host": Quote(low=1, typical=2, high=3)}
    bill = bom(fabric, quotes=quotes)
    assert not bill.unpriced
    assert bill.cost_usd(("switch",)) == {"low": 80e3, "typical": 80e3, "high": 80e3}
    assert bill.cost_usd(("host",)) == {"low": 128, "typical": 256, "high": 384}
    assert bill.power_w(("switch",)) == 80 * 50


def test_quotes_are_read_from_a_file_with_every_fault(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("QM9700: {typical: 38000}\nswitch of 128 ports:\n  low: 60000\n  typical: 70000\n  high: 90000\n")
    quotes = read_quotes(path)
    assert quotes["QM9700"].price.low == quotes["QM9700"].price.high == 38000
    assert quotes["switch of 128 ports"].price.high == 90000
    path.write_text("QM9700: {typical: -1}\nhost: 3\nrack: {typical: 5, low: 6}\nnic: {typical: 1, colour: red}\n")
    with pytest.raises(SpecError) as refused:
        read_quotes(path)
    faults = refused.value.faults
    assert [fault.line for fault in faults] == [1, 2, 3, 4]
    assert [fault.field.split(".")[0] for fault in faults] == ["QM9700", "host", "rack", "nic"]
    path.write_text("- 1\n")
    with pytest.raises(ParseError):
        read_quotes(path)


def test_racks_that_air_does_not_cool_are_warned_of_with_the_price_of_liquid():
    """2 x 120 kW at 3 to 4 million USD per MW."""
    warnings = bom(load("gb200-nvl72", nodes=2)).warnings
    assert len(warnings) == 1
    assert "0.72 to 0.96 million USD" in warnings[0]
    assert bom(load("hgx-h100", nodes=2)).warnings == ()


def test_a_rack_over_its_power_is_a_finding():
    bill = bom(load("hgx-h100", nodes=2), Hall.of(rack_w=8e3))
    assert {finding.rule for finding in bill.findings} == {"rack power"}
    assert bom(load("hgx-h100", nodes=2)).findings == ()


def test_memory_is_what_the_data_sheets_say():
    bill = bom(load("hgx-h200", nodes=3))
    assert bill.hbm_bytes == 24 * catalogue().accelerators["H200_SXM"].hbm_gb.value * 1e9


def test_shares_are_of_gpus_and_of_the_bisection():
    """Full bisection: half of the adapters' 400 Gbit/s."""
    bill = bom(load("hgx-h100", nodes=64))
    totals = bill.totals()
    assert totals["cost_usd_per_gpu"] == pytest.approx(totals["cost_usd"]["typical"] / 512)
    assert totals["bisection_bps"] == 256 * 400e9
    assert totals["it_power_w_per_gbps_of_bisection"] == pytest.approx(totals["it_power_w"] / (256 * 400))


def test_storage_machines_are_parts():
    beside = [{"name": "storage", "machines": 8}]
    bill = bom(load("composite", pods=[{"of": "hgx-h100", "fields": {"nodes": 4}}], beside=beside))
    assert bill.count("storage") == 8
    assert bill.count("nic") == 32 + 4


def test_an_order_of_parts_is_stable():
    one, two = (bom(load("hgx-h100", nodes=6)) for _ in range(2))
    assert one == two
    order = [KINDS.index(part.kind) for part in one.parts]
    assert order == sorted(order)
    assert np.isfinite(one.power_w())
