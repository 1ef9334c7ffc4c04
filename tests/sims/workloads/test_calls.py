"""Communication: volumes per GPU and step equal the closed forms of the papers, and who talks to whom."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fabricsim.sims.workloads.calls import call_rows
from fabricsim.sims.workloads.durations import measure
from fabricsim.sims.workloads.groups import Groups
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.link_sharing import LinkUse
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.plan import plan_step
from fabricsim.sims.workloads.roofline import roofline
from hypothesis import given, settings
from hypothesis import strategies as st

MODELS = ["llama3-8b", "llama3-70b", "gpt3-175b", "megatron-177b"]
H100 = roofline("H100_SXM", "bf16")


def planned(model, gpus, parallel, **options):
    return plan_step(plan_job(load_model(model), gpus, JobOptions.of(parallel, options)), H100)


def per_gpu(plan, dimension, *ops):
    """Bytes that the mean GPU sends in a step."""
    rows = call_rows(plan.job, plan.messages, plan.silent)
    return math.fsum(row.wire_bytes_per_gpu for row in rows if row.dimension == dimension and row.op in (ops or row.op))


plans = st.builds(
    lambda model, tp, pp, cp, dp, vp, micro_batch, rounds, options: planned(
        model,
        tp * pp * cp * dp,
        f"tp={tp},pp={pp},cp={cp},dp={dp}" + (f",vp={vp}" if pp > 1 else ""),
        micro_batch=micro_batch,
        global_batch=dp * micro_batch * pp * rounds,
        **options,
    ),
    st.sampled_from(MODELS),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 3, 8]),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 2, 6]),
    st.integers(1, 4),
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from(
        [
            {},
            {"zero": 0},
            {"zero": 2, "reduce": "bf16"},
            {"zero": 3},
            {"recompute": "full"},
            {"recompute": "full", "kernels": "eager", "zero": 2},
        ]
    ),
)


def activation_bytes(job):
    """2 b s h of a context-parallel rank."""
    return 2 * job.micro_batch * job.seq_len // job.cp * job.model.hidden


@settings(max_examples=60, deadline=None)
@given(plans)
def test_tensor_parallel_bytes_equal_the_closed_form(plan):
    # Per layer and micro-batch S = 2 b s h: forward 2 AG + 2 RS, backward 2 AG + 2 RS, and 2 AG of saved inputs; under
    # full recomputation forward's 4 once more, in eager kernels without the last RS. Embedding: RS, and AG backward.
    # Head: AG, backward RS and AG of its saved input, and three all-reduces of 4 bytes per token. Wire: (t - 1) / t S
    # per rank.
    job = plan.job
    per_layer = 10 if job.recompute == "none" else 13 if job.eager else 14
    calls = (job.tp - 1) / job.tp * activation_bytes(job) * (per_layer * job.model.layers + 2 + 3)
    loss = 3 * 2 * (job.tp - 1) / job.tp * 4 * job.micro_batch * job.seq_len / job.cp
    assert per_gpu(plan, "tp") == pytest.approx((calls + loss) * job.micro_batches / job.pp, rel=1e-12, abs=0)


@pytest.mark.parametrize(("recompute", "reduces"), [("none", 4), ("full", 6)])
def test_without_sequence_parallelism_a_layer_reduces_twice_each_way(recompute, reduces):
    # Narayanan et al. 2021, section 3.2: all-reduces of 2 b s h, 2 forward, 2 backward, 2 forward again; embedding
    # one forward, head one backward
    plan = planned("gpt3-175b", 8, "tp=8", sp=False, recompute=recompute)
    reduced = (2 * 7 / 8) * activation_bytes(plan.job) * (reduces * 96 + 2)
    loss = 3 * (2 * 7 / 8) * 4 * 2048
    assert per_gpu(plan, "tp") == pytest.approx((reduced + loss) * plan.job.micro_batches, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(plans)
def test_pipeline_bytes_equal_the_closed_form(plan):
    # 2 b s h / t forward and backward over each of the p v - 1 boundaries of the chunks, per micro-batch
    job = plan.job
    expected = 2 * (job.pp * job.vp - 1) * activation_bytes(job) / job.tp * job.micro_batches / job.pp
    assert per_gpu(plan, "pp", "send-recv") == (pytest.approx(expected, rel=1e-12) if job.pp > 1 else 0)


@settings(max_examples=60, deadline=None)
@given(plans)
def test_data_parallel_bytes_equal_the_closed_form(plan):
    # Rajbhandari et al. 2020, section 7: with P parameters, ZeRO-0 all-reduces them, ZeRO-1 and 2 scatter gradients
    # and gather parameters once a step, ZeRO-3 gathers twice and scatters once per micro-batch; (d - 1) / d of each.
    # Data and context parallelism together share the parameters.
    job, model = plan.job, plan.job.model
    norms = 2 * model.hidden * model.layers + model.hidden
    vocab_rows = -(-model.vocab // job.tp)
    tables = 1 if model.tied_embeddings and job.pp == 1 else 2
    shard = model.layers * model.layer_matrix_parameters // job.tp + tables * vocab_rows * model.hidden + norms
    passes = {
        0: 2 * job.gradient_bytes,
        1: job.gradient_bytes + 2,
        2: job.gradient_bytes + 2,
        3: (job.gradient_bytes + 4) * job.micro_batches,
    }[job.zero]
    ranks = job.cp * job.dp
    expected = (ranks - 1) / ranks * shard / job.pp * passes
    assert per_gpu(plan, "dp") == pytest.approx(expected, rel=1e-12, abs=0)


def test_sharding_within_groups_sums_between_them():
    # HSDP (Zhao et al. 2023, section 3.2.2): scatter and gathers over f ranks, an all-reduce of P / f over d / f
    plan = planned("llama3-8b", 64, "", zero=3, shard=8, global_batch=64)
    parameters = plan.job.model.parameters
    assert per_gpu(plan, "dp", "all-gather") == pytest.approx(2 * 7 / 8 * 2 * parameters, rel=1e-9)
    assert per_gpu(plan, "dp", "reduce-scatter") == pytest.approx(7 / 8 * 4 * parameters, rel=1e-9)
    assert per_gpu(plan, "dp", "all-reduce") == pytest.approx(2 * 7 / 8 * 4 * parameters / 8, rel=1e-9)


@pytest.mark.parametrize(("context", "layer"), [("ring", 9), ("all-gather", 9), ("ulysses", 6)])
def test_context_parallel_bytes_equal_the_closed_form(context, layer):
    # Llama-3 8B, c = 4, keys and values 2 x 1024 wide, queries 4096: ring sends 2 b (s / c) 1024 w in c - 1 steps
    # forward, and backward as much and its gradients; all-gather collects 2 b s 1024 w, backward again, and scatters
    # their gradients: (c - 1) / c of it each, three times. Ulysses turns queries, keys, values and outputs by
    # all-to-all, (c - 1) / c of b (s / c) width w, forward and backward.
    plan = planned("llama3-8b", 4, "cp=4", context=context)
    tokens = 8192 // 4
    each = {"ring": 2 * tokens * 2048, "all-gather": 2 * tokens * 2048, "ulysses": 2 * tokens * (2 * 4096 + 2048) / 4}
    times = {"ring": 9, "all-gather": 9, "ulysses": 6}[context]
    assert times == layer
    expected = 32 * plan.job.micro_batches * each[context] * layer
    assert per_gpu(plan, "cp") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("imbalance", [1.0, 1.5])
def test_expert_parallel_bytes_equal_the_closed_form(imbalance):
    # Per layer of experts 2 all-to-alls forward, 2 backward, of tokens x topk x h x 2 bytes, (e - 1) / e of it leaves
    plan = planned("mixtral-8x7b", 8, "ep=8", imbalance=imbalance)
    expected = 32 * plan.job.micro_batches * 4 * 4096 * 2 * 4096 * 2 * 7 / 8 * imbalance
    assert per_gpu(plan, "ep") == pytest.approx(expected, rel=1e-12)


def test_experts_are_summed_between_the_ranks_that_hold_the_same():
    plan = planned("mixtral-8x7b", 16, "ep=4,dp=16")
    experts = 32 * 2 * 3 * 4096 * 14336
    own = plan.job.model.parameters - 32 * 8 * 3 * 4096 * 14336
    expected = 3 / 4 * experts * (4 + 2) + 15 / 16 * own * (4 + 2)
    assert per_gpu(plan, "dp") == pytest.approx(expected, rel=1e-12)


def test_tied_embeddings_are_reduced_between_the_first_and_the_last_stage():
    plan = planned("gpt3-175b", 64, "tp=8,pp=4")
    rows = call_rows(plan.job, plan.messages, plan.silent)
    (tie,) = [row for row in rows if row.dimension == "pp" and row.op == "all-reduce"]
    assert (tie.ranks, tie.size_bytes, tie.count) == (2, 4 * 51200 // 8 * 12288, 16)


class Recorder:
    """Notes the groups and pairs it is asked for; each send takes as many seconds as its source's number."""

    def __init__(self):
        self.pairs = []

    def collective_s(self, op, groups, size_bytes):
        return 1.0

    def send_s(self, source, target, size_bytes):
        self.pairs.append(set(zip(source.tolist(), target.tolist(), strict=True)))
        return source.astype(np.float64)

    def collective_use(self, op, groups, size_bytes):
        return LinkUse.of(np.zeros(0), 1.0)

    def send_use(self, source, target, size_bytes):
        return LinkUse.of(np.zeros(0), 1.0)


def groups_of(gpus, parallel, model="llama3-8b", **options):
    return Groups(plan_job(load_model(model), gpus, JobOptions.of(parallel, options)))


def test_groups_are_neighbours_in_tp_strided_in_dp_and_whole_stages_apart_in_pp():
    groups = groups_of(16, "tp=4,pp=2,dp=2")
    assert groups.of("tp").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    assert groups.of("dp").tolist() == [[0, 4], [1, 5], [2, 6], [3, 7], [8, 12], [9, 13], [10, 14], [11, 15]]
    assert groups.of("ends").tolist() == [[rank, rank + 8] for rank in range(8)]


def test_context_groups_lie_between_tensor_groups_and_replicas():
    groups = groups_of(16, "tp=2,cp=4,dp=2")
    assert groups.of("cp").tolist() == [[0, 2, 4, 6], [1, 3, 5, 7], [8, 10, 12, 14], [9, 11, 13, 15]]
    assert groups.of("dp").tolist() == [list(range(0, 16, 2)), list(range(1, 16, 2))]


def test_expert_groups_are_neighbours_in_cp_and_dp():
    groups = groups_of(16, "tp=2,cp=2,ep=4,dp=4", model="mixtral-8x7b")
    assert groups.of("ep").tolist() == [[0, 2, 4, 6], [1, 3, 5, 7], [8, 10, 12, 14], [9, 11, 13, 15]]
    assert groups.of("expert dp").tolist()[:2] == [[0, 8], [1, 9]]


def test_copies_are_shared_by_neighbours_and_summed_across():
    groups = groups_of(8, "dp=8", zero=3, shard=4)
    assert groups.of("shard").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert groups.of("replicas").tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]


@settings(max_examples=40, deadline=None)
@given(plans)
def test_every_kind_of_group_holds_every_rank_once(plan):
    groups = Groups(plan.job)
    for kind in {message.groups for message in plan.messages} - {"ends"}:
        rows = groups.of(kind)
        assert rows.shape[1] == groups.size(kind)
        assert sorted(rows.ravel()) == list(range(plan.job.gpus))


def test_messages_go_to_the_neighbouring_stage_and_the_slowest_rank_governs():
    plan = planned("gpt3-175b", 16, "tp=4,pp=2,dp=2", schedule="1f1b")
    wires = Recorder()
    durations = measure(plan.job, plan.messages, wires)
    there, back = wires.pairs
    assert there == {(rank, rank + 8) for rank in range(8)}
    assert back == {(rank + 8, rank) for rank in range(8)}
    # no hop leaves the last stage forward or the first backward
    assert durations.hop_s.tolist() == [[3, 0], [7, 0]]
    assert durations.back_s.tolist() == [[0, 11], [0, 15]]


def test_interleaving_sends_from_the_last_stage_to_the_first_too():
    plan = planned("llama3-8b", 4, "pp=4")
    wires = Recorder()
    measure(plan.job, plan.messages, wires)
    assert wires.pairs == [{(0, 1), (1, 2), (2, 3), (3, 0)}, {(1, 0), (2, 1), (3, 2), (0, 3)}]


def test_rows_report_each_call_with_its_time(alpha_beta):
    plan = planned("llama3-70b", 64, "tp=8,pp=4")
    rows = call_rows(plan.job, plan.messages, measure(plan.job, plan.messages, alpha_beta(1e-6, 1e9)))
    assert {row.dimension for row in rows} == {"tp", "pp", "dp"}
    for row in rows:
        turns = {"all-reduce": 2 * (row.ranks - 1) / row.ranks, "send-recv": 1}.get(row.op, (row.ranks - 1) / row.ranks)
        assert row.time_us == pytest.approx(1 + turns * row.size_bytes / 1e3, rel=1e-12)
