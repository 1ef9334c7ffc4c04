"""Communication: volumes equal the closed forms, and who talks to whom."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.workloads.calls import step_calls
from fabricsim.sims.workloads.durations import call_rows, measure
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.stages import gradient_buckets, stage_units
from fabricsim.sims.workloads.units import model_units
from hypothesis import given, settings
from hypothesis import strategies as st

MODELS = ["llama3-8b", "llama3-70b", "gpt3-175b", "megatron-177b"]


def planned(model, gpus, parallel, **batch):
    job = plan_job(load_model(model), gpus, parallel, **batch)
    units = model_units(job)
    return job, units, gradient_buckets(job, units, stage_units(job))


def volume(calls, dimension, ops):
    return sum(call.wire_bytes for call in calls if call.dimension == dimension and call.op in ops)


jobs = st.builds(
    lambda model, tp, pp, dp, vp, micro_batch, rounds: planned(
        model,
        tp * pp * dp,
        f"tp={tp},pp={pp},dp={dp}" + (f",vp={vp}" if pp > 1 else ""),
        micro_batch=micro_batch,
        global_batch=dp * micro_batch * pp * rounds,
    ),
    st.sampled_from(MODELS),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 3, 8]),
    st.sampled_from([1, 2, 6]),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(1, 3),
)


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_tensor_parallel_bytes_equal_the_closed_form(planned_job):
    # Per layer and micro-batch S = 2 b s h: forward 2 AG + 2 RS, backward 2 AG + 2 RS, and 2 AG of saved inputs.
    # Embedding: RS, and AG backward. Head: AG, backward RS and AG of its saved input, and three all-reduces of 4
    # bytes per token. Wire: (t - 1) S per group.
    job, units, buckets = planned_job
    passes = job.micro_batches * job.dp
    size = 2 * job.micro_batch * job.seq_len * job.model.hidden
    expected = (job.tp - 1) * passes * size * (10 * job.model.layers + 2 + 3)
    expected += 3 * 2 * (job.tp - 1) * passes * 4 * job.micro_batch * job.seq_len
    assert volume(step_calls(job, units, buckets), "tp", {"all-gather", "reduce-scatter", "all-reduce"}) == expected


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_pipeline_bytes_equal_the_closed_form(planned_job):
    # 2 b s h forward and backward over each of the p v - 1 boundaries of the chunks, per micro-batch and replica
    job, units, buckets = planned_job
    size = 2 * job.micro_batch * job.seq_len * job.model.hidden
    expected = 2 * (job.pp * job.vp - 1) * size * job.micro_batches * job.dp if job.pp > 1 else 0
    assert volume(step_calls(job, units, buckets), "pp", {"send-recv"}) == expected


@settings(max_examples=60, deadline=None)
@given(jobs)
def test_data_parallel_bytes_equal_the_closed_form(planned_job):
    # ZeRO-1: every rank sends (d - 1) / d of its gradients (FP32) and of its parameters (BF16), once a step
    job, units, buckets = planned_job
    model, tp = job.model, job.tp
    norms = 2 * model.hidden * model.layers + model.hidden
    vocab_rows = -(-model.vocab // tp)
    tables = 1 if model.tied_embeddings and job.pp == 1 else 2
    shard = model.layers * model.layer_matrix_parameters // tp + tables * vocab_rows * model.hidden + norms
    expected = (job.dp - 1) * tp * shard * (4 + 2) if job.dp > 1 else 0
    assert volume(step_calls(job, units, buckets), "dp", {"reduce-scatter", "all-gather"}) == expected


def test_tied_embeddings_are_reduced_between_the_first_and_the_last_stage():
    job, units, buckets = planned("gpt3-175b", 64, "tp=8,pp=4")
    (tie,) = [call for call in step_calls(job, units, buckets) if call.dimension == "pp" and call.op == "all-reduce"]
    assert (tie.ranks, tie.size_bytes, tie.count) == (2, 4 * 51200 // 8 * 12288, 16)


class Recorder:
    """Notes the groups and pairs it is asked for; each send takes as many seconds as its source's number."""

    def __init__(self):
        self.groups, self.pairs = {}, []

    def collective_s(self, op, groups, size_bytes):
        self.groups.setdefault((op, len(groups[0])), groups)
        return 1.0

    def send_s(self, source, target, size_bytes):
        self.pairs.append(set(zip(source.tolist(), target.tolist(), strict=True)))
        return source.astype(np.float64)


def test_groups_are_neighbours_in_tp_strided_in_dp_and_whole_stages_apart_in_pp():
    job, units, buckets = planned("gpt3-175b", 16, "tp=4,pp=2,dp=2", schedule="1f1b")
    wires = Recorder()
    durations = measure(job, units, buckets, wires)
    tensor = [group.tolist() for group in wires.groups["all-gather", 4]]
    data = [group.tolist() for group in wires.groups["all-gather", 2]]
    ends = [group.tolist() for group in wires.groups["all-reduce", 2]]
    assert tensor == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    assert data == [[0, 4], [1, 5], [2, 6], [3, 7], [8, 12], [9, 13], [10, 14], [11, 15]]
    assert ends == [[rank, rank + 8] for rank in range(8)]
    there, back = wires.pairs
    assert there == {(rank, rank + 8) for rank in range(8)}
    assert back == {(rank + 8, rank) for rank in range(8)}
    # the slowest tensor rank of a replica governs; no hop leaves the last stage forward or the first backward
    assert durations.hop_s.tolist() == [[3, 0], [7, 0]]
    assert durations.back_s.tolist() == [[0, 11], [0, 15]]


def test_interleaving_sends_from_the_last_stage_to_the_first_too():
    job, units, buckets = planned("llama3-8b", 4, "pp=4")
    wires = Recorder()
    measure(job, units, buckets, wires)
    assert wires.pairs == [{(0, 1), (1, 2), (2, 3), (3, 0)}, {(1, 0), (2, 1), (3, 2), (0, 3)}]


def test_rows_report_each_call_with_its_time(alpha_beta):
    job, units, buckets = planned("llama3-70b", 64, "tp=8,pp=4")
    durations = measure(job, units, buckets, alpha_beta(1e-6, 1e9))
    rows = call_rows(job, units, buckets, durations)
    assert {row.dimension for row in rows} == {"tp", "pp", "dp"}
    for row in rows:
        turns = {"all-reduce": 2 * (row.ranks - 1) / row.ranks, "send-recv": 1}.get(row.op, (row.ranks - 1) / row.ranks)
        assert row.time_us == pytest.approx(1 + turns * row.size_bytes / 1e3, rel=1e-12)
