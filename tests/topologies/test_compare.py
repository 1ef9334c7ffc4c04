"""Fabrics side by side, as they are and at equal size, cost or power."""

from __future__ import annotations

import pytest
from fabricsim.topologies import load
from fabricsim.topologies.bom import bom
from fabricsim.topologies.compare import compare


@pytest.fixture(scope="module")
def pair():
    return [("full", load("hgx-h100", nodes=64)), ("rails", load("rail_only", nodes=32, server="hgx-h100"))]


def test_a_row_says_what_the_bill_of_materials_says(pair):
    for row, (_, fabric) in zip(compare(pair).rows, pair, strict=True):
        bill = bom(fabric)
        assert (row.gpus, row.racks, row.transceivers) == (bill.gpus, bill.racks, bill.count("transceiver"))
        assert row.cost_usd == bill.cost_usd()["typical"]
        assert row.it_power_w == bill.power_w()
        assert row.bisection_bps_per_gpu == pytest.approx(200e9)


@pytest.mark.parametrize(("measure", "field"), [("gpus", "gpus"), ("cost", "cost_usd"), ("power", "it_power_w")])
def test_at_equal_scales_counts_in_proportion_and_leaves_shares_alone(pair, measure, field):
    plain, scaled = compare(pair).rows[1], compare(pair, measure).rows[1]
    first = compare(pair).rows[0]
    assert getattr(scaled, field) == pytest.approx(getattr(first, field))
    for count in ("gpus", "switches", "cables", "cost_usd", "network_power_w", "bisection_bps"):
        assert getattr(scaled, count) == pytest.approx(getattr(plain, count) * scaled.scale)
    for share in ("cost_usd_per_gpu", "bisection_bps_per_gpu", "diameter", "oversubscription", "bisection_left"):
        assert getattr(scaled, share) == getattr(plain, share)


def test_what_has_no_price_is_told_and_scaled_by_nothing(pair):
    unpriced = ("tree", load("torus", dims="4x4"))
    comparison = compare([pair[0], unpriced], "gpus")
    assert comparison.rows[1].scale == 1
    assert any("tree: without a price" in line for line in comparison.assumptions)


def test_a_scale_up_domain_alone_has_no_switches_to_fail():
    row = compare([("rack", load("nvlink_domain", server="gb200-nvl72"))]).rows[0]
    assert (row.switches, row.network_cost_usd, row.bisection_left) == (0, None, None)
