"""Rooflines: seconds follow the published rates, shapes that fill no whole waves cost more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.machines import fabric_machines
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.roofline import Roofline, roofline
from fabricsim.sims.workloads.units import model_units
from fabricsim.sims.workloads.work import Product, Work

PLAIN = Roofline(
    "test",
    peak_flops_per_s=1e15,
    matrix_flops_per_s=8e14,
    exact_flops_per_s=4e14,
    attention_flops_per_s=5e14,
    memory_bytes_per_s=1e12,
    capacity_bytes=8e10,
)


def test_seconds_add_products_attention_and_traffic():
    work = Work((Product(10_000, 10_000, 40_000),), attention_flops=5e14, memory_bytes=1e12)
    assert PLAIN.seconds(work) == pytest.approx(8e12 / 8e14 + 1 + 1)
    exact = Work((Product(10_000, 10_000, 40_000, exact=True),))
    assert PLAIN.seconds(exact) == pytest.approx(8e12 / 4e14)


def test_a_thin_product_takes_what_its_operands_take_from_memory():
    # one row against a matrix of 1e4 x 1e4: 2 bytes for each of its values
    assert PLAIN.product_s(Product(1, 10_000, 10_000)) == pytest.approx(2 * (1e8 + 2e4) / 1e12)


def test_a_wave_that_is_not_full_takes_as_long_as_a_full_one():
    chip = replace(PLAIN, multiprocessors=100, memory_bytes_per_s=1e18)
    # inner dimension too short to split: 100 tiles of 128 x 256 are one wave; 101 of them are two, but as 202 tiles of
    # 128 x 128 they are three waves of half the time
    one = chip.product_s(Product(128 * 100, 512, 256))
    two = chip.product_s(Product(128 * 101, 512, 256))
    assert one == pytest.approx(2 * 128 * 100 * 512 * 256 / 8e14)
    assert two == pytest.approx(1.5 * one)


def test_a_long_inner_dimension_is_split_to_fill_the_wave():
    chip = replace(PLAIN, multiprocessors=100, memory_bytes_per_s=1e18)
    # 50 tiles of 128 x 256 half fill a wave; in halves they fill it
    assert chip.product_s(Product(128 * 50, 4096, 256)) == pytest.approx(2 * 128 * 50 * 4096 * 256 / 8e14)


def test_whole_tiles_are_never_slower_than_the_peak_allows():
    rates = roofline("H100_SXM", "bf16")
    for rows in (1, 100, 1000, 8192, 100_000):
        product = Product(rows, 4096, 4096)
        assert rates.product_s(product) >= product.flops / rates.matrix_flops_per_s


def test_rates_come_from_the_catalogue_and_are_said():
    # stas00/ml-engineering: 3.35 TB/s, dense BF16 peak 989 TFLOP/s, 794.5 of them reached
    rates = roofline("H100_SXM", "bf16")
    assert rates.peak_flops_per_s == 989e12
    assert rates.memory_bytes_per_s == 3.35e12
    assert rates.matrix_flops_per_s <= 794.5e12
    assert any("794.5 TFLOP/s on H100_SXM, the best rate measured" in sentence for sentence in rates.assumptions)
    assert any("the peak: no measured" in sentence for sentence in roofline("H200_SXM", "bf16").assumptions)


def test_an_accelerator_without_the_precision_is_refused():
    with pytest.raises(WorkloadError, match="no fp8 rate of A100_SXM_80GB"):
        roofline("A100_SXM_80GB", "fp8")


def row_of(kind, devices, columns):
    builder = FabricBuilder("row", meta={"devices": devices})
    ends = builder.add_nodes(kind, list("abcd"), **columns)
    builder.add_cables(ends[:-1], ends[1:], 4e11, 100)
    return builder.build()


def test_a_fabric_of_plain_hosts_has_nothing_to_train_on():
    with pytest.raises(WorkloadError, match="not all accelerators"):
        fabric_machines(row_of(NodeKind.HOST, [], {}), "bf16")


def test_the_slowest_accelerator_of_a_group_governs_it():
    devices = ["H100_SXM", "A100_SXM_80GB"]
    mixed = fabric_machines(row_of(NodeKind.ACCELERATOR, devices, {"device": [0, 0, 0, 1]}), "bf16")
    job = plan_job(load_model("llama3-8b"), 4, JobOptions("tp=2"))
    units = model_units(job)
    pace = mixed.pace(job, units)
    assert mixed.fastest(units).accelerator == "H100_SXM"
    assert mixed.capacity_bytes == 80e9
    assert mixed.peak_flops_per_s == pytest.approx((3 * 989e12 + 312e12) / 4)
    assert pace[0, 0] == 1
    assert pace[1, 0] > 2
    assert (mixed.pace(replace(job, dp=4, tp=1), units) == np.array([[1], [1], [1], [pace[1, 0]]])).all()
