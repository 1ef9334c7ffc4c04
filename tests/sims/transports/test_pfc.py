"""PFC headroom against a vendor's table."""

import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.transports.pfc import LIGHT_M_PER_S, Chip, headroom_bytes, refuse_small_headroom, response_bytes

MSN2700 = {
    5: {10: 29696, 25: 29696, 40: 29696, 50: 29696, 100: 30720},
    40: {10: 29696, 25: 31744, 40: 32768, 50: 33792, 100: 38912},
    300: {10: 36864, 25: 48128, 40: 59392, 50: 66560, 100: 104448},
}
"""`xoff` in bytes by metres of cable and Gbit/s: SONiC's pg_profile_lookup.ini of the ACS-MSN2700, all its rows."""


@pytest.mark.parametrize(("metres", "gbps", "xoff"), [(m, g, x) for m, row in MSN2700.items() for g, x in row.items()])
def test_headroom_reproduces_the_vendors_table(metres, gbps, xoff):
    """That table has cells of 96 bytes and one response of 3.8 KiB for all speeds."""
    chip = Chip(cell_bytes=96)
    assert headroom_bytes(gbps * 1e9, metres / LIGHT_M_PER_S, chip, response=3.8 * 1024) == xoff


@pytest.mark.parametrize(("gbps", "xoff"), [(100, 92160), (400, 198656), (800, 243712)])
def test_headroom_with_todays_responses_is_sonics(gbps, xoff):
    """40 m and cells of 144 bytes. SONiC takes 1024 for 1000 in the cable's bytes: at most 3 KiB less."""
    assert 0 <= headroom_bytes(gbps * 1e9, 40 / LIGHT_M_PER_S) - xoff <= 3 * 1024


def test_a_rate_between_two_of_the_table_takes_the_next_ones_response():
    assert response_bytes([100e9, 150e9, 1600e9]).tolist() == [394 * 64, 453 * 64, 905 * 64]


def test_headroom_too_small_is_refused_with_the_bytes_needed(star):
    """100 Gbit/s and 500 ns: cable 12,500 bytes, response 25,216; 47,751 bytes with packet and interface, times
    2.25."""
    needed = 106 * 1024
    assert needed >= 1024 + 2.25 * (9216 + 12500 + 819.2 + 25216) > needed - 1024
    refuse_small_headroom(star(2), needed)
    with pytest.raises(SpecError, match=f"needs {needed} bytes"):
        refuse_small_headroom(star(2), needed - 1)
