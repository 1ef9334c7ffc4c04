"""Which stage holds what, and the gradient buckets."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.stages import (
    BUCKET_PARAMETERS,
    gradient_buckets,
    stage_units,
    unit_parameters,
)
from fabricsim.sims.workloads.units import model_units
from hypothesis import given, settings
from hypothesis import strategies as st


def laid_out(model, gpus, parallel):
    job = plan_job(load_model(model), gpus, JobOptions(parallel))
    return job, stage_units(job)


def test_llama3_405b_on_16_stages_of_8_chunks_holds_only_embedding_and_head_at_its_ends():
    # Dubey et al. 2024, section 3.3.2: one layer less on the first and the last stage
    _, held = laid_out("llama3-405b", 128, "tp=8,pp=16,vp=8")
    assert held[0, 0].tolist() == [1, 0, 0, 0]
    assert held[-1, -1].tolist() == [0, 0, 0, 1]
    assert (held[:, :, 1].sum(axis=0) == [7, *[8] * 14, 7]).all()


def test_layers_that_divide_are_spread_evenly():
    _, held = laid_out("llama3-70b", 32, "tp=8,pp=4,vp=5")
    assert (held[:, :, 1] == 4).all()


@settings(max_examples=60, deadline=None)
@given(
    pp=st.sampled_from([1, 2, 3, 5, 7, 11]), share=st.floats(0, 1), model=st.sampled_from(["llama3-8b", "gpt3-175b"])
)
def test_every_unit_is_held_once_and_stages_differ_by_at_most_a_layer(pp, share, model):
    most = -(-load_model(model).layers // pp)
    vp = 1 + int(share * (most - 1)) if pp > 1 else 1
    job, held = laid_out(model, pp, f"pp={pp},vp={vp}")
    assert held.sum(axis=(0, 1)).tolist() == [1, job.model.layers, 0, 1]
    per_stage = held[:, :, 1].sum(axis=0)
    assert per_stage.max() - per_stage.min() <= 1
    assert per_stage[0] == per_stage.min()
    assert per_stage[-1] == per_stage.min() or -job.model.layers % pp == 1


@pytest.mark.parametrize("parallel", ["tp=8,pp=4,vp=3", "tp=2,pp=2", "tp=1", "tp=4,pp=16"])
def test_buckets_hold_every_parameter_once_and_close_when_full(parallel):
    job, held = laid_out("llama3-8b" if parallel == "tp=1" else "llama3-70b", 128, parallel)
    units = model_units(job)
    buckets = gradient_buckets(job, units)
    parameters = unit_parameters(units)
    full = max(BUCKET_PARAMETERS, 1_000_000 * job.dp)
    for stage in range(job.pp):
        for chunk in range(job.vp):
            mine = np.flatnonzero((buckets.stage == stage) & (buckets.chunk == chunk))
            assert buckets.parameters[mine].sum() == held[chunk, stage] @ parameters
            # in forward order: what is left to the chunk's end shrinks, and starts with the whole chunk
            assert (buckets.rest[mine[0]] == held[chunk, stage]).all()
            left = buckets.rest[mine] @ parameters
            assert (np.diff(left) < 0).all()
            assert (buckets.parameters[mine[1:]] >= full).all()


def test_the_first_layers_of_deepseek_v3_are_dense_and_lie_on_the_first_stages():
    job, held = laid_out("deepseek-v3", 128, "pp=16,ep=8")
    assert held[:, :, 1].sum() == 3
    assert held[:, :, 2].sum() == 58
    assert held[0, :, 1].tolist() == [0, 0, 1, 1, 1, *[0] * 11]
    assert job.vp == 4


def test_experts_have_buckets_of_their_own_which_close_no_chunk_twice():
    job, held = laid_out("mixtral-8x7b", 32, "pp=2,ep=4,dp=16")
    units = model_units(job)
    buckets = gradient_buckets(job, units)
    total = held.sum(axis=(0, 1)) @ (unit_parameters(units) + unit_parameters(units, expert=True))
    assert buckets.parameters.sum() == total
    sums = {message.groups for messages in buckets.sums for message in messages}
    assert sums == {"dp", "expert dp"}


@pytest.mark.parametrize("gpus", [8, 512])
def test_eager_kernels_exchange_every_unit_for_itself(gpus):
    job = plan_job(load_model("llama3-8b"), gpus, JobOptions(zero=2, kernels="eager"))
    units = model_units(job)
    layers = [units.dense.parameters] * 32
    assert gradient_buckets(job, units).parameters.tolist() == [
        units.embedding.parameters,
        *layers,
        units.head.parameters,
    ]


def test_nothing_is_put_into_buckets_when_every_unit_is_sharded():
    job = plan_job(load_model("llama3-8b"), 8, JobOptions(zero=3))
    assert len(gradient_buckets(job, model_units(job))) == 0
