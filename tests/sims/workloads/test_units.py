"""Units of work: their FLOPs add up to the model's, their seconds to the accelerator's published rates."""

from __future__ import annotations

import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.graph import FabricBuilder, NodeKind
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.roofline import Work, fabric_roofline, roofline
from fabricsim.sims.workloads.units import model_units


@pytest.mark.parametrize(
    ("model", "tp"), [("gpt3-175b", 8), ("llama3-70b", 4), ("llama3-8b", 1), ("nemotron4-340b", 8)]
)
def test_forward_flops_of_all_units_are_a_third_of_the_models_causal_flops(model, tp):
    job = plan_job(load_model(model), tp, f"tp={tp}", micro_batch=2)
    units = model_units(job)
    forward = sum(
        (piece.forward.matrix_flops + piece.forward.attention_flops) * repeats
        for piece, repeats in ((units.embedding, 1), (units.layer, job.model.layers), (units.head, 1))
    )
    assert 3 * tp * forward == job.model.flops(2, job.seq_len, causal=True)


def test_backward_is_twice_the_matrices_and_two_and_a_half_times_the_attention():
    layer = model_units(plan_job(load_model("llama3-70b"), 8, "tp=8")).layer
    assert layer.backward.matrix_flops == 2 * layer.forward.matrix_flops
    assert layer.backward.attention_flops == 2.5 * layer.forward.attention_flops


def test_a_column_parallel_product_hides_communication_for_its_own_work_alone():
    # Llama-3 70B, tp=8, one sequence of 8192: qkv is 8192 x (8192 + 2048) / 8, gate and up are 8192 x 2 x 28672 / 8
    windows = model_units(plan_job(load_model("llama3-70b"), 8, "tp=8")).layer.calls.windows
    assert [window.matrix_flops for window in windows] == [
        2 * 8192 * 8192 * 10240 // 8,
        2 * 8192 * 8192 * 57344 // 8,
    ]


def test_parameters_of_all_shards_are_the_models_but_for_the_norms_that_every_shard_keeps():
    job = plan_job(load_model("llama3-70b"), 8, "tp=8")
    units, model = model_units(job), job.model
    held = units.embedding.parameters + model.layers * units.layer.parameters + units.head.parameters
    assert 8 * held == model.parameters + 7 * (2 * model.layers + 1) * model.hidden


def test_tied_embeddings_on_one_stage_are_held_once():
    job = plan_job(load_model("gpt3-175b"), 8, "tp=8")
    assert model_units(job).head.parameters == job.model.hidden


def test_seconds_follow_the_measured_rates_of_the_h100():
    # stas00/ml-engineering: 794.5 TFLOP/s of BF16 and 1402.6 of FP8 products reached, 3.35 TB/s
    work = Work(matrix_flops=794.5e12, attention_flops=794.5e12, memory_bytes=3.35e12)
    assert roofline("H100_SXM", "bf16").seconds(work) == pytest.approx(3, rel=1e-12)
    assert roofline("H100_SXM", "fp8").seconds(work) == pytest.approx(2 + 794.5 / 1402.6, rel=1e-12)


def test_the_rate_of_matrix_products_is_said_and_whether_it_was_measured():
    rates = roofline("H200_SXM", "bf16")
    assert rates.matrix_flops_per_s == rates.peak_flops_per_s == 989e12
    assert any("989 TFLOP/s on H200_SXM, the peak" in sentence for sentence in rates.assumptions)
    (measured,) = roofline("H100_SXM", "bf16").assumptions
    assert "794.5 TFLOP/s on H100_SXM, the best rate measured" in measured


def test_an_accelerator_without_the_precision_is_refused():
    with pytest.raises(WorkloadError, match="no fp8 rate of A100_SXM_80GB"):
        roofline("A100_SXM_80GB", "fp8")


def pair_of(kind, devices, columns):
    builder = FabricBuilder("pair", meta={"devices": devices})
    ends = builder.add_nodes(kind, ["a", "b"], **columns)
    builder.add_cables(ends[:1], ends[1:], 4e11, 100)
    return builder.build()


def test_a_fabric_of_plain_hosts_has_nothing_to_train_on():
    with pytest.raises(WorkloadError, match="not all accelerators"):
        fabric_roofline(pair_of(NodeKind.HOST, [], {}), "bf16")


def test_accelerators_of_two_kinds_are_refused():
    mixed = pair_of(NodeKind.ACCELERATOR, ["H100_SXM", "A100_SXM_80GB"], {"device": [0, 1]})
    with pytest.raises(WorkloadError, match="mixes"):
        fabric_roofline(mixed, "bf16")
