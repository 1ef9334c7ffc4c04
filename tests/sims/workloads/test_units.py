"""Units of work: FLOPs, parameters and saved bytes add up to the model's closed forms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.units import model_units
from fabricsim.sims.workloads.work import total


def units_of(model, gpus, parallel="", **options):
    job = plan_job(load_model(model), gpus, JobOptions.of(parallel, options))
    return job, model_units(job)


def all_of(job, units, part):
    """Sum over the model's units of `part(unit)`."""
    dense = job.model.layers - job.model.moe_layers
    repeats = (1, dense, job.model.moe_layers, 1)
    return sum(part(unit) * count for unit, count in zip(units.kinds, repeats, strict=True))


@pytest.mark.parametrize(
    ("model", "parallel", "ranks"),
    [
        ("gpt3-175b", "tp=8", 8),
        ("llama3-70b", "tp=4,cp=2", 8),
        ("llama3-8b", "", 1),
        ("nemotron4-340b", "tp=8", 8),
        ("mixtral-8x7b", "ep=4", 4),
        ("mixtral-8x7b", "tp=2,ep=2", 4),
        ("deepseek-v3", "ep=8", 8),
    ],
)
def test_forward_flops_of_all_units_are_a_third_of_the_models_causal_flops(model, parallel, ranks):
    job, units = units_of(model, ranks, parallel, micro_batch=2)
    forward = all_of(job, units, lambda unit: total(unit.forward).matrix_flops + total(unit.forward).attention_flops)
    assert 3 * ranks * forward == pytest.approx(job.model.flops(2 * job.dp, job.seq_len, causal=True), rel=1e-12)


def test_unfused_attention_computes_the_whole_square():
    job, units = units_of("gpt3-175b", 8, "tp=8", attention="unfused")
    forward = all_of(job, units, lambda unit: total(unit.forward).matrix_flops + total(unit.forward).attention_flops)
    assert 3 * 8 * forward == pytest.approx(job.model.flops(1, job.seq_len), rel=1e-12)


@pytest.mark.parametrize("model", ["llama3-70b", "mixtral-8x7b", "deepseek-v3"])
def test_backward_is_twice_the_matrices_and_two_and_a_half_times_the_attention(model):
    _, units = units_of(model, 8, "tp=8" if model == "llama3-70b" else "ep=8")
    for unit in (units.dense, units.moe):
        forward, backward = total(unit.forward), total(unit.backward)
        assert backward.matrix_flops == pytest.approx(2 * forward.matrix_flops, rel=1e-12)
        assert backward.attention_flops == 2.5 * forward.attention_flops


def test_full_recomputation_runs_forward_again_and_selective_no_product():
    job, units = units_of("llama3-70b", 8, "tp=8")
    full = model_units(replace(job, recompute="full")).dense
    selective = model_units(replace(job, recompute="selective")).dense
    none = units.dense
    assert total(full.backward).matrix_flops == pytest.approx(3 * total(none.forward).matrix_flops)
    assert total(selective.backward).matrix_flops == total(none.backward).matrix_flops
    assert total(selective.backward).memory_bytes > total(none.backward).memory_bytes
    assert len(full.messages) == len(none.messages) + 4


def test_eager_recomputation_stops_before_the_last_product():
    # backward of Llama-3 70B's layer needs the input of the product 28672 x 8192, not its output, and no residual sum
    job, units = units_of("llama3-70b", 1, kernels="eager", recompute="none", zero=3)
    again = total(model_units(replace(job, recompute="full")).dense.backward)
    none, forward = total(units.dense.backward), total(units.dense.forward)
    last = 2 * 8192 * 28672 * 8192
    assert again.matrix_flops == none.matrix_flops + forward.matrix_flops - last
    assert again.attention_flops == none.attention_flops + forward.attention_flops
    residual = 3 * 2 * 8192 * 8192
    assert again.memory_bytes == none.memory_bytes + forward.memory_bytes - residual


def test_column_parallel_products_hide_communication_for_their_own_work_alone():
    # Llama-3 70B, tp=8, one sequence of 8192: qkv is 8192 x (8192 + 2048) / 8, gate and up are 8192 x 2 x 28672 / 8
    _, units = units_of("llama3-70b", 8, "tp=8")
    windows = [each.work.matrix_flops for each in units.dense.backward if each.beside]
    qkv, mlp = 2 * 8192 * 8192 * 10240 // 8, 2 * 8192 * 8192 * 57344 // 8
    assert windows == [mlp, mlp, qkv, qkv]


def test_put_off_weight_gradients_hide_nothing():
    _, units = units_of("llama3-70b", 32, "tp=8,pp=4", schedule="zero-bubble")
    late = [each for each in units.dense.backward if each.weights]
    assert all(not each.before + each.beside or each.work.matrix_flops for each in late)
    assert sum(each.work.matrix_flops for each in late) == total(units.dense.forward).matrix_flops


@pytest.mark.parametrize("tp", [1, 2, 8])
def test_parameters_of_all_shards_are_the_models_but_for_the_norms_that_every_shard_keeps(tp):
    job, units = units_of("llama3-70b", 8, f"tp={tp}")
    held = all_of(job, units, lambda unit: unit.parameters)
    assert tp * held == job.model.parameters + (tp - 1) * (2 * job.model.layers + 1) * job.model.hidden


def test_experts_are_spread_and_the_rest_is_held_by_every_rank():
    job, units = units_of("mixtral-8x7b", 8, "ep=8")
    own = all_of(job, units, lambda unit: unit.parameters)
    experts = all_of(job, units, lambda unit: unit.expert_parameters)
    assert own + 8 * experts == job.model.parameters
    assert experts == 32 * 3 * 4096 * 14336


def test_tied_embeddings_on_one_stage_are_held_once():
    job, units = units_of("gpt3-175b", 8, "tp=8")
    assert units.head.parameters == job.model.hidden


@pytest.mark.parametrize("tp", [1, 8])
def test_a_gpt_layer_saves_32_bytes_per_hidden_value(tp):
    # Korthikanti et al. 2022, equation 1, has sbh (34 + 5 a s / h); without dropout its two masks are not there, and
    # fused attention keeps no scores
    _, units = units_of("gpt3-175b", 8, f"tp={tp}", micro_batch=2)
    assert units.dense.saved_bytes == 32 * 2 * 2048 * 12288 / tp


def test_a_gpt_layer_of_2022_saves_what_korthikanti_counted():
    # equation 4: sbh / t (34 + 5 a s / h), with unfused attention and dropout
    _, units = units_of("gpt3-175b", 8, "tp=8", attention="unfused", dropout=True)
    assert units.dense.saved_bytes == 2048 * 12288 / 8 * (34 + 5 * 96 * 2048 / 12288)


def test_without_sequence_parallelism_norms_and_their_outputs_are_kept_whole():
    # equation 2 without dropout: sbh (8 + 24 / t)
    _, units = units_of("gpt3-175b", 8, "tp=8", sp=False)
    assert units.dense.saved_bytes == (8 + 24 / 8) * 2048 * 12288


def test_unfused_attention_keeps_its_scores_unless_they_are_computed_again():
    job, units = units_of("gpt3-175b", 8, "tp=8", attention="unfused", recompute="none")
    kept = model_units(replace(job, recompute="selective")).dense.saved_bytes
    scores = 2 * 96 * 2048**2 / 8
    # of 32 bytes per value, two norms' outputs and the activation function's (8) are dropped too
    assert units.dense.saved_bytes - kept == scores + (4 + 8) * 2048 * 12288 / 8


def test_full_recomputation_saves_a_layers_input_alone():
    _, units = units_of("llama3-70b", 8, "tp=8", recompute="full")
    assert units.dense.saved_bytes == 2 * 8192 * 8192 / 8


def test_the_busiest_expert_rank_computes_its_share():
    _, units = units_of("mixtral-8x7b", 8, "ep=8")
    _, skewed = units_of("mixtral-8x7b", 8, "ep=8", imbalance=1.5)
    experts = 2 * 4096 * 2 * 3 * 4096 * 14336
    added = total(skewed.moe.forward).matrix_flops - total(units.moe.forward).matrix_flops
    assert added == pytest.approx(0.5 * experts, rel=1e-12)
