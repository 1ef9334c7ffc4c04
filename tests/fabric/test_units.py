"""Quantities with their units: what is read, what is refused, and the way back to text."""

from fractions import Fraction

import pytest
from fabricsim.fabric import units
from fabricsim.fabric.errors import UnitError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.bandwidth_bps, "400Gbps", 4e11),
        (units.bandwidth_bps, "400 Gbit/s", 4e11),
        (units.bandwidth_bps, "50GBps", 4e11),
        (units.bandwidth_bps, "50GB/s", 4e11),
        (units.bandwidth_bps, "1.5e3Mb/s", 1.5e9),
        (units.bandwidth_bps, "1GiB/s", 8 * 2.0**30),
        (units.bandwidth_bps, "10kbps", 1e4),
        (units.size_bytes, "1GiB", 2**30),
        (units.size_bytes, "1GB", 10**9),
        (units.size_bytes, "0.5KiB", 512),
        (units.size_bytes, "8B", 8),
        (units.size_bytes, " 1 MiB ", 2**20),
        (units.time_ns, "1.5us", 1500),
        (units.time_ns, "1.5µs", 1500),
        (units.time_ns, "2ms", 2_000_000),
        (units.time_ns, "1s", 10**9),
        (units.time_ns, "1700ps", 2),
        (units.duration_s, "16us", 16e-6),
        (units.length_m, "2.5m", 2.5),
        (units.length_m, "30cm", 0.3),
        (units.length_m, "2km", 2000.0),
        (units.power_w, "10.2kW", 10200.0),
        (units.power_w, "1MW", 1e6),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (units.bandwidth_bps, "400"),
        (units.bandwidth_bps, 400),
        (units.bandwidth_bps, "400gbps"),
        (units.bandwidth_bps, "400GBPS"),
        (units.bandwidth_bps, "-4Gbps"),
        (units.bandwidth_bps, "4 4Gbps"),
        (units.bandwidth_bps, ""),
        (units.bandwidth_bps, None),
        (units.bandwidth_bps, True),
        (units.bandwidth_bps, "400GiB"),
        (units.bandwidth_bps, "nanGbps"),
        (units.bandwidth_bps, "1e999Gbps"),
        (units.size_bytes, "1.5B"),
        (units.size_bytes, "8388608TiB"),
        (units.size_bytes, "1Gb"),
        (units.size_bytes, "1gib"),
        (units.time_ns, "1e99s"),
        (units.time_ns, "1M"),
        (units.length_m, "1 feet"),
        (units.power_w, "1w"),
        (units.size_bytes, "9" * 100 + "B"),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_cure(read, text):
    with pytest.raises(UnitError) as caught:
        read(text)
    assert caught.value.faults[0].cure


@pytest.mark.parametrize("table", [units.BANDWIDTH, units.SIZE, units.TIME, units.LENGTH, units.POWER])
@given(data=st.data())
def test_a_quantity_is_its_number_times_its_unit_exactly(table, data):
    number = data.draw(st.decimals(min_value=0, max_value=10**9, places=3))
    unit = data.draw(st.sampled_from(sorted(table)))
    assert units.parse(f"{number}{unit}", table, "") == Fraction(number) * table[unit]


@given(st.integers(min_value=1, max_value=2**62))
def test_a_size_survives_its_text(count):
    assert units.size_bytes(units.format_size(count)) == count


@given(st.floats(min_value=1, max_value=1e18))
def test_a_bandwidth_survives_its_text_to_the_last_bit_or_so(bps):
    assert units.bandwidth_bps(units.format_bandwidth(bps)) == pytest.approx(bps, rel=4e-16)


@given(st.integers(min_value=1, max_value=10**6), st.sampled_from(["k", "M", "G", "T"]))
def test_a_round_bandwidth_survives_its_text_exactly(number, prefix):
    bps = units.bandwidth_bps(f"{number}{prefix}bps")
    assert units.bandwidth_bps(units.format_bandwidth(bps)) == bps


@pytest.mark.parametrize(
    ("value", "text"),
    [(4e11, "400 Gbit/s"), (0, "0 bit/s"), (1.5e-3, "1.5 mbit/s"), (999.96, "1000 bit/s"), (float("inf"), "inf bit/s")],
)
def test_people_read_four_digits_and_a_prefix(value, text):
    assert units.format_si(value, "bit/s") == text
