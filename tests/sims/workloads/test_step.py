"""Steps: a slow twin of the overlapped exchange, closed forms of bubble and exposed tensor communication."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.sims.workloads.durations import measure, silent
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.roofline import roofline
from fabricsim.sims.workloads.step import balanced_step_s, plan_step, step_s
from hypothesis import given, settings
from hypothesis import strategies as st

H100 = roofline("H100_SXM", "bf16")


def planned(model, gpus, parallel, **options):
    plan = plan_step(plan_job(load_model(model), gpus, parallel, **options), H100)
    return plan, np.ones((plan.job.dp, plan.job.pp))


def silence(plan):
    return silent(plan.job, plan.buckets)


def slow_data_parallel_step_s(plan, durations):
    """One stage: walk the units one by one, keep the two streams by hand."""
    kinds = [0] + [1] * plan.job.model.layers + [2]
    forward, backward = plan.forward_s, plan.backward_s
    first_units = [len(kinds) - int(rest) for rest in plan.buckets.rest.sum(axis=1)]
    stream, clock = 0.0, 0.0
    arrival = {}
    for unit, took in zip(first_units, durations.bucket_gather_s, strict=True):
        stream += took
        arrival[unit] = stream
    for micro_batch in range(plan.job.micro_batches):
        for unit, kind in enumerate(kinds):
            if micro_batch == 0:
                clock = max(clock, arrival.get(unit, 0.0))
            clock += forward[kind]
        stream = 0.0
        for unit, kind in reversed(list(enumerate(kinds))):
            clock += backward[kind]
            if unit in first_units:
                stream = max(stream, clock) + durations.bucket_scatter_s[first_units.index(unit)]
    return max(clock, stream) + plan.optimizer_s[0]


@settings(max_examples=40, deadline=None)
@given(
    dp=st.sampled_from([2, 8, 64]),
    micro_batches=st.integers(1, 3),
    gather=st.floats(0, 0.05),
    scatter=st.floats(0, 0.1),
    model=st.sampled_from(["llama3-8b", "gpt3-175b"]),
)
def test_overlap_equals_walking_the_units_by_hand(dp, micro_batches, gather, scatter, model):
    plan, even = planned(model, dp, "", global_batch=dp * micro_batches)
    weight = plan.buckets.parameters / plan.buckets.parameters.mean()
    durations = replace(silence(plan), bucket_gather_s=gather * weight, bucket_scatter_s=scatter * weight)
    assert step_s(plan, durations, even) == pytest.approx(slow_data_parallel_step_s(plan, durations), rel=1e-12)


def test_a_fast_exchange_exposes_its_first_gather_and_last_scatter_alone():
    plan, even = planned("llama3-8b", 8, "")
    tiny = np.full(len(plan.buckets), 1e-6)
    durations = replace(silence(plan), bucket_gather_s=tiny, bucket_scatter_s=tiny)
    exposed = step_s(plan, durations, even) - step_s(plan, silence(plan), even)
    assert exposed == pytest.approx(2e-6, rel=1e-6)


def test_without_a_pipeline_an_infinite_network_leaves_computing_alone():
    plan, even = planned("llama3-70b", 64, "tp=8")
    assert step_s(plan, silence(plan), even) == pytest.approx(plan.busy_s, rel=1e-14)
    assert balanced_step_s(plan, even) == pytest.approx(plan.busy_s, rel=1e-14)


@pytest.mark.parametrize(
    ("parallel", "schedule", "chunks"),
    [("tp=8,pp=4", "1f1b", 1), ("tp=8,pp=4,vp=5", "auto", 5), ("tp=8,pp=8", "gpipe", 1)],
)
def test_the_bubble_of_balanced_stages_is_p_minus_1_over_v_m(parallel, schedule, chunks):
    plan, even = planned("llama3-70b", 64, parallel, schedule=schedule)
    computing = plan.busy_s - plan.optimizer_s.mean()
    bubble = (plan.job.pp - 1) / (chunks * plan.job.micro_batches)
    assert balanced_step_s(plan, even) - plan.busy_s == pytest.approx(bubble * computing, rel=1e-12)


def test_uneven_stages_wait_for_the_heaviest():
    # GPipe on 2 stages: with m micro-batches the last stage, which holds the head, works without a break after its
    # first input
    plan, even = planned("llama3-8b", 2, "pp=2", schedule="gpipe", global_batch=4)
    forward = (plan.held * plan.forward_s).sum(axis=(0, 2))
    backward = (plan.held * plan.backward_s).sum(axis=(0, 2))
    assert forward[1] > forward[0]
    expected = forward[0] + 4 * (forward[1] + backward[1]) + backward[0]
    assert step_s(plan, silence(plan), even) == pytest.approx(expected + plan.optimizer_s.max(), rel=1e-12)


def test_tensor_collectives_cost_what_no_product_hides():
    plan, even = planned("llama3-70b", 8, "tp=8", global_batch=1)
    windows = np.concatenate(plan.windows_s)
    layers = plan.job.model.layers
    short = 0.5 * windows.min()
    # forward 2 + 2 per layer, 1 for the embedding, 1 for the head; backward 2 per layer, 1 for the embedding; the
    # rest is hidden
    exposed = short * (6 * layers + 3)
    durations = replace(silence(plan), gather_s=short, scatter_s=short)
    assert step_s(plan, durations, even) == pytest.approx(plan.busy_s + exposed, rel=1e-12)
    long = 2 * windows.max()
    hidden = 2 * (layers * sum(plan.windows_s[1]) + plan.windows_s[2][0])
    exposed = long * (6 * layers + 3 + 4 * layers + 2) - hidden
    durations = replace(silence(plan), gather_s=long, scatter_s=long)
    assert step_s(plan, durations, even) == pytest.approx(plan.busy_s + exposed, rel=1e-12)


def test_the_slowest_replica_governs():
    plan, even = planned("llama3-8b", 4, "pp=2", global_batch=8)
    slow = even.copy()
    slow[1] = 1.5
    assert step_s(plan, silence(plan), slow) == pytest.approx(step_s(plan, silence(plan), 1.5 * even), rel=1e-14)


@pytest.mark.parametrize("parallel", ["tp=8,pp=4", "tp=4,pp=2,dp=4", "dp=32"])
def test_a_faster_network_never_slows_a_step(parallel, alpha_beta):
    plan, even = planned("llama3-70b", 32, parallel, schedule="1f1b")
    steps = [
        step_s(plan, measure(plan.job, plan.units, plan.buckets, alpha_beta(1e-6, rate)), even)
        for rate in (1e9, 1e10, 1e11, 1e12, 1e15)
    ]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == pytest.approx(step_s(plan, silence(plan), even), rel=2e-3)
