"""All-reduce against published tables of nccl-tests (tests/data/nccl), from sourced constants alone.

Noise floor, the same quantity measured by different people: 8x H100 2.7%, 16x H100 11%, one rack of GB200 5.7%.
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from fabricsim.fabric.spec import overrides
from fabricsim.sims.collectives import collective
from fabricsim.topologies import load

DATA = Path(__file__).parents[1] / "data" / "nccl"

pytestmark = pytest.mark.validation


def table(name):
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


CASES = {case["table"]: case for case in table("cases.csv")}


def busbw_errors(name):
    """Relative error of our bus bandwidth by size, sizes from 1 MiB."""
    case, rows = CASES[name], [row for row in table(name) if int(row["size_bytes"]) >= 2**20]
    fabric = load(case["preset"], **overrides(tuple(case["fields"].split())))
    span = f"{rows[0]['size_bytes']}B:{rows[-1]['size_bytes']}B"
    ours = {row.size_bytes: row.busbw_GBps for row in collective(fabric, size=span, algorithm=case["algorithm"]).rows}
    published = {int(row["size_bytes"]): float(row["oop_busbw_GBps"]) for row in rows}
    return {size: ours[size] / busbw - 1 for size, busbw in published.items()}


@pytest.mark.parametrize("name", CASES)
def test_bandwidth_of_the_largest_size_is_within_a_tenth_of_the_measured_one(name):
    errors = busbw_errors(name)
    assert abs(errors[max(errors)]) <= 0.10


def test_median_error_over_all_tables_is_small():
    """Sizes from 1 MiB. The loops in which NVLS works, and what delays trees below 1 GiB, are not modelled yet:
    tables that reach down to 1 MiB are off by more than those of large sizes."""
    medians = {name: median(abs(error) for error in busbw_errors(name).values()) for name in CASES}
    assert median(medians.values()) <= 0.05
    assert max(medians.values()) <= 0.35


@pytest.mark.parametrize(
    "row", table("nvls_vs_ring_gpu_count_h200_b200.csv"), ids=lambda r: f"{r['gpu']}-{r['n_gpus']}"
)
def test_one_server_at_every_number_of_gpus(row):
    """8 GiB with NVLS and without; the constants are those of 8 GPUs, all else is mechanism."""
    fabric = load({"H200": "hgx-h200", "B200": "hgx-b200"}[row["gpu"]], nodes=1)
    ranks = np.arange(int(row["n_gpus"]))

    def busbw(algorithm):
        return collective(fabric, size=int(row["size_bytes"]), algorithm=algorithm, ranks=ranks).rows[0].busbw_GBps

    assert busbw(row["algo_chosen"].lower()) == pytest.approx(float(row["busbw_GBps"]), rel=0.04)
    assert busbw("ring") == pytest.approx(float(row["busbw_nvls_off_GBps"]), rel=0.04)


@pytest.mark.parametrize(
    ("preset", "fields", "algorithm", "busbw"),
    [
        ("hgx-a100", {"nodes": 4}, "ring", 192),
        ("hgx-h100", {"nodes": 4}, "ring", 370),
        ("hgx-h100", {"nodes": 2}, "ring", 380),
        ("gb200-nvl72", {"nodes": 1, "gpus_per_rack": 32}, "ring", 680),
        ("gb200-nvl72", {"nodes": 1, "gpus_per_rack": 32}, "nvls", 850),
    ],
)
def test_peaks_that_the_nccl_team_shows(preset, fields, algorithm, busbw):
    """NVIDIA GTC24 S62129 and GTC25 S72583."""
    row = collective(load(preset, **fields), size="16GiB", algorithm=algorithm).rows[0]
    assert row.busbw_GBps == pytest.approx(busbw, rel=0.05)
