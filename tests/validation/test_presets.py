"""Every preset of a published system runs an all-reduce, no faster than its bound; the largest soon enough."""

from __future__ import annotations

import resource
from time import process_time

import pytest
from fabricsim.fabric.check import findings
from fabricsim.sims.collectives import collective
from fabricsim.topologies import PRESETS, describe, load
from fabricsim.topologies.bom import bom
from fabricsim.topologies.cable_plan import COLUMNS, write_plan
from fabricsim.topologies.cables import cables
from fabricsim.topologies.hall import Hall
from fabricsim.topologies.racks import place

PUBLISHED = [name for name in PRESETS if describe(name).assumed or describe(name).sources]
QUICK = ("dgx-h100-superpod", "mi300x-cluster", "tpu-v6e-pod", "vera-rubin-nvl144")
GIB = 1 << 30


@pytest.fixture(scope="module")
def _compiled():
    """The kernels of trees and of any other graph; compiling them is no part of a run."""
    pods = [{"of": "hgx-h100", "count": 2, "fields": {"nodes": 4}}]
    for fabric in (load("hgx-h100"), load("composite", pods=pods, network="roce")):
        collective(fabric, size="1GiB")


@pytest.mark.usefixtures("_compiled")
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.validation) for name in PUBLISHED]
)
def test_a_preset_runs_an_all_reduce_within_its_bound_and_two_minutes(name):
    """A minute where nothing else runs; CPU time grows, too, where programs share cores and caches."""
    fabric = load(name)
    start = process_time()
    row = collective(fabric, size="1GiB").to_dict()["rows"][0]
    assert process_time() - start < 120
    assert row["ranks"] == fabric.ranks
    assert row["busbw_GBps"] > 1
    assert 0 < row["bound_fraction"] <= 1 + 1e-9
    assert peak_bytes() < 8 * GIB


@pytest.mark.parametrize(
    ("name", "limit_s"), [("meta-24k-ib", 3), pytest.param("campus-400k", 60, marks=pytest.mark.validation)]
)
def test_bill_of_materials_and_cable_plan_of_a_large_system_are_made_in_time(name, limit_s, tmp_path):
    """A row per cable of the network, and a header; CPU time, as other programs may take the machine's."""
    fabric, hall = load(name), Hall.of()
    bom(load("hgx-h100"))
    start = process_time()
    bill = bom(fabric, hall)
    placement = place(fabric, hall)
    laid = cables(fabric, placement, hall)
    write_plan(fabric, placement, laid, tmp_path / "plan.csv")
    assert process_time() - start < limit_s
    assert bill.findings == ()
    assert bill.count("cable") == len(laid)
    with (tmp_path / "plan.csv").open() as file:
        assert next(file) == ",".join(COLUMNS) + "\n"
        assert sum(1 for _ in file) == len(laid)
    assert peak_bytes() < 8 * GIB


@pytest.mark.validation
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_passes_its_check(name):
    assert findings(load(name)) == ()


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
