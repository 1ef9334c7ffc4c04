"""Memory: closed forms of Rajbhandari, Korthikanti and Narayanan; the least recomputation that fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.memory import fitted, job_memory, needed_bytes
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions

H100_BYTES = 80e9


def job_of(model, gpus, parallel="", **options):
    return plan_job(load_model(model), gpus, JobOptions.of(parallel, options))


@pytest.mark.parametrize(("zero", "bytes_per_parameter"), [(0, 18), (1, 6 + 12 / 64), (2, 6 + 12 / 64)])
def test_states_take_the_bytes_of_zero(zero, bytes_per_parameter):
    # Rajbhandari et al. 2020, figure 1, with FP32 gradients: weights 2, gradients 4, optimizer 12 bytes
    job = job_of("llama3-8b", 64, zero=zero, global_batch=128)
    found = job_memory(job)
    states = found.weights + found.gradients + found.optimizer
    extra = 4 / 64 if zero == 2 else 0
    assert states[0] == pytest.approx((bytes_per_parameter + extra) * job.model.parameters)


def test_everything_sharded_leaves_a_share_and_two_whole_units():
    job = job_of("llama3-8b", 64, zero=3)
    found = job_memory(job)
    table = 128256 * 4096
    expected = 18 * job.model.parameters / 64 + 2 * 2 * (table + 4096)
    assert (found.weights + found.gradients + found.optimizer)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("schedule", "micro_batches", "stage", "open_batches"),
    [("gpipe", 8, 0, 8), ("gpipe", 8, 3, 8), ("1f1b", 8, 0, 4), ("1f1b", 8, 3, 1), ("1f1b", 2, 0, 2)],
)
def test_a_stage_keeps_as_many_micro_batches_as_its_schedule_leaves_open(schedule, micro_batches, stage, open_batches):
    # Narayanan et al. 2021, section 2.2.1: GPipe m, 1F1B at most p - stage; stage 3 also holds the head's logits
    job = job_of("llama3-8b", 4, "pp=4", schedule=schedule, global_batch=micro_batches)
    per_batch = 8 * 8192 * (8 * 4096 + 2 * (4096 + 2048) + 2 * 4096 + 6 * 14336)
    if stage == 3:
        per_batch += 8192 * (4 * 4096 + 4 * 128256)
    assert job_memory(job).activations[stage] == open_batches * per_batch


def test_interleaving_keeps_p_times_1_plus_p_minus_1_over_p_v():
    # Narayanan et al. 2021, section 2.2.2, in units of a stage's layers: p (1 + (p - 1) / (p v))
    job = job_of("llama3-70b", 32, "tp=8,pp=4,vp=2", global_batch=32)
    layer = job_memory(replace(job, pp=80, vp=1, order="gpipe", micro_batches=1)).activations[40]
    assert job_memory(job).activations[0] == pytest.approx(20 * layer * 4 * (1 + 3 / 8))


def test_a_zero_bubble_schedule_keeps_no_more_than_1f1b_at_its_first_stage():
    # Qi et al. 2023, section 2.3: ZB-H1 has the peak memory of 1F1B
    zero_bubble = job_of("gpt3-175b", 32, "tp=8,pp=4", schedule="zero-bubble", global_batch=16)
    plain = replace(zero_bubble, order="1f1b")
    assert job_memory(zero_bubble).activations.max() == pytest.approx(job_memory(plain).activations.max(), rel=0.1)


def test_sharded_gradients_are_whole_while_a_chunk_is_summed():
    job = job_of("llama3-8b", 64, "pp=4,vp=2", zero=2, global_batch=64)
    unsharded = replace(job, zero=1)
    # with one round of micro-batches, backward goes chunk by chunk: half of a stage's gradients are open at a time
    assert (job_memory(job).gradients < 0.8 * job_memory(unsharded).gradients).all()


def test_llama3_405b_at_its_layout_computes_nothing_twice():
    # Dubey et al. 2024, section 3.3.2 and table 4: 16,384 H100, tp=8, pp=16, 16 sequences of 8192 per replica,
    # gradients sharded, no activation checkpointing
    said = JobOptions("tp=8,pp=16", global_batch=2048, zero=2)
    job = fitted(plan_job(load_model("llama3-405b"), 16384, said), said, H100_BYTES)
    assert job.recompute == "none"
    assert 60e9 < needed_bytes(job) < H100_BYTES


def test_the_least_recomputation_that_fits_is_chosen():
    levels = {}
    for micro_batch in (1, 2, 8):
        said = JobOptions("tp=8,pp=4", micro_batch=micro_batch)
        levels[micro_batch] = fitted(plan_job(load_model("llama3-70b"), 32, said), said, H100_BYTES).recompute
    assert list(levels.values()) == ["none", "selective", "full"]


def test_a_choice_that_is_given_stands_as_long_as_full_recomputation_fits():
    said = JobOptions("tp=8,pp=4", micro_batch=8, recompute="none")
    job = fitted(plan_job(load_model("llama3-70b"), 32, said), said, H100_BYTES)
    assert job.recompute == "none"
    assert needed_bytes(job) > H100_BYTES


def test_what_full_recomputation_cannot_fit_is_refused_with_its_parts():
    said = JobOptions("tp=8")
    with pytest.raises(WorkloadError, match=r"stage 0 needs .* GB per GPU \(.*weights.*activations\); a GPU has 80 GB"):
        fitted(plan_job(load_model("llama3-405b"), 8, said), said, H100_BYTES)


def test_more_recomputation_never_needs_more():
    for model, gpus, parallel in [("llama3-70b", 32, "tp=8,pp=4"), ("mixtral-8x7b", 32, "pp=2,ep=8")]:
        job = job_of(model, gpus, parallel)
        needs = [needed_bytes(replace(job, recompute=level)) for level in ("none", "selective", "full")]
        assert needs == sorted(needs, reverse=True)
        assert np.isfinite(needs).all()
