"""Degrees of parallelism as text."""

from __future__ import annotations

import pytest
from fabricsim.sims.workloads.degrees import read_degrees


def test_degrees_are_read_by_name_and_none_are_degrees_too():
    assert read_degrees(" tp = 8, pp=4 ") == ({"tp": 8, "pp": 4}, [])
    assert read_degrees(" ") == ({}, [])


@pytest.mark.parametrize(("text", "faults"), [("tp=2,,", 2), (",tp=2", 1), ("tp=2,", 1), (",", 2), ("tp=2,,xp=0", 2)])
def test_commas_that_part_nothing_are_refused_each(text, faults):
    assert len(read_degrees(text)[1]) == faults
