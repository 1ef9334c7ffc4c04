"""Rates of InfiniBand links."""

import pytest
from fabricsim.fabric.errors import FabricError
from fabricsim.fabric.formats.ib_rates import LANES, RATE_BPS, lanes_of, rate_name

# Data rates in Gbit/s of 1, 4, 8 and 12 lanes: InfiniBand Trade Association, roadmap; FDR is 64/66 of 14.0625 Gbaud.
PUBLISHED = {
    "SDR": (2, 8, 16, 24),
    "DDR": (4, 16, 32, 48),
    "QDR": (8, 32, 64, 96),
    "FDR10": (10, 40, 80, 120),
    "FDR": (13.64, 54.54, 109.08, 163.64),
    "EDR": (25, 100, 200, 300),
    "HDR": (50, 200, 400, 600),
    "NDR": (100, 400, 800, 1200),
    "XDR": (200, 800, 1600, 2400),
}


@pytest.mark.parametrize("speed", PUBLISHED)
def test_data_rates_are_the_published_ones(speed):
    for lanes, gbit in zip((1, 4, 8, 12), PUBLISHED[speed], strict=True):
        assert RATE_BPS[f"{lanes}x{speed}"] / 1e9 == pytest.approx(gbit, rel=5e-4)


@pytest.mark.parametrize("rate", RATE_BPS)
def test_a_rate_is_named_by_its_bits_and_its_lanes(rate):
    assert rate_name(RATE_BPS[rate], lanes_of(rate)) == rate


def test_where_the_lanes_are_not_known_four_are_taken_if_they_can():
    assert [rate_name(bps) for bps in (4e11, 2e11, 1e11, 8e11)] == ["4xNDR", "4xHDR", "4xEDR", "4xXDR"]
    assert rate_name(5e10) == "2xEDR"


def test_no_two_speeds_of_one_width_are_alike():
    assert len({(lanes_of(rate), bps) for rate, bps in RATE_BPS.items()}) == len(RATE_BPS) == 9 * len(LANES)


def test_a_rate_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(FabricError, match="the nearest is 4xNDR"):
        rate_name(4.01e11)
