"""Steps: a slow twin of the overlapped exchange, closed forms of bubble and exposed tensor communication."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.sims.workloads.durations import measure
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.plan import plan_step
from fabricsim.sims.workloads.roofline import roofline
from fabricsim.sims.workloads.step import balanced_step_s, step_s
from hypothesis import given, settings
from hypothesis import strategies as st

H100 = roofline("H100_SXM", "bf16")


def planned(model, gpus, parallel, **options):
    plan = plan_step(plan_job(load_model(model), gpus, JobOptions.of(parallel, options)), H100)
    return plan, np.ones((plan.job.dp, plan.job.pp))


def with_times(plan, **times):
    """Durations in which every message of these operations takes that long, or its share by size of that mean."""
    messages = dict(plan.silent.messages)
    for op, seconds in times.items():
        named = [message for message in messages if message.op == op.replace("_", "-")]
        for message in named:
            messages[message] = seconds(message) if callable(seconds) else seconds
    return replace(plan.silent, messages=messages)


def unit_times(plan):
    """Seconds of each kind's forward and backward."""
    forward = np.array([sum(each.work_s for each in unit.forward) for unit in plan.timed])
    return forward, np.array([sum(each.work_s for each in unit.backward) for unit in plan.timed])


def slow_data_parallel_step_s(plan, durations):
    """One stage: walk the units one by one, keep the two streams by hand."""
    kinds = [0] + [1] * plan.job.model.layers + [3]
    forward, backward = unit_times(plan)
    first_units = [len(kinds) - int(rest) for rest in plan.buckets.rest.sum(axis=1)]
    collects = [durations.seconds(messages) for messages in plan.buckets.collects]
    sums = [durations.seconds(messages) for messages in plan.buckets.sums]
    stream, clock = 0.0, 0.0
    arrival = {}
    for unit, took in zip(first_units, collects, strict=True):
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
                stream = max(stream, clock) + sums[first_units.index(unit)]
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
    durations = with_times(
        plan,
        all_gather=lambda message: gather * message.size_bytes / 1e8,
        reduce_scatter=lambda message: scatter * message.size_bytes / 2e8,
    )
    assert step_s(plan, durations, even) == pytest.approx(slow_data_parallel_step_s(plan, durations), rel=1e-12)


def test_a_fast_exchange_exposes_its_first_gather_and_last_scatter_alone():
    plan, even = planned("llama3-8b", 8, "")
    durations = with_times(plan, all_gather=1e-6, reduce_scatter=1e-6)
    exposed = step_s(plan, durations, even) - step_s(plan, plan.silent, even)
    assert exposed == pytest.approx(2e-6, rel=1e-6)


def test_an_exchange_that_is_not_overlapped_is_exposed_whole():
    plan, even = planned("llama3-8b", 8, "", overlap=False)
    durations = with_times(plan, all_gather=1e-3, reduce_scatter=2e-3)
    exposed = step_s(plan, durations, even) - step_s(plan, plan.silent, even)
    assert exposed == pytest.approx(3e-3 * len(plan.buckets), rel=1e-9)


def test_replicas_that_share_nothing_sum_gradients_alone():
    plan, even = planned("llama3-8b", 8, "", zero=0)
    assert {message.op for message in plan.messages} == {"all-reduce"}
    assert step_s(plan, with_times(plan, all_reduce=1e-6), even) - step_s(plan, plan.silent, even) == pytest.approx(
        1e-6, rel=1e-4
    )


def test_without_a_pipeline_an_infinite_network_leaves_computing_alone():
    plan, even = planned("llama3-70b", 64, "tp=8")
    assert step_s(plan, plan.silent, even) == pytest.approx(plan.busy_s, rel=1e-14)
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
    forward, backward = ((plan.held * each).sum(axis=(0, 2)) for each in unit_times(plan))
    assert forward[1] > forward[0]
    expected = forward[0] + 4 * (forward[1] + backward[1]) + backward[0]
    assert step_s(plan, plan.silent, even) == pytest.approx(expected + plan.optimizer_s.max(), rel=1e-12)


def test_tensor_collectives_cost_what_no_product_hides():
    plan, even = planned("llama3-70b", 8, "tp=8", global_batch=1)
    layer = [each.work_s for each in plan.timed[1].backward if each.beside]
    head = [each.work_s for each in plan.timed[3].backward if each.beside]
    layers = plan.job.model.layers
    assert len(layer) == 4
    assert len(head) == 2
    short = 0.5 * min(*layer, *head)
    # forward 2 + 2 per layer, 1 for the embedding, 1 for the head; backward 2 per layer, 1 for the embedding; the
    # rest is hidden
    exposed = short * (6 * layers + 3)
    durations = with_times(plan, all_gather=short, reduce_scatter=short)
    assert step_s(plan, durations, even) == pytest.approx(plan.busy_s + exposed, rel=1e-12)
    long = 2 * max(*layer, *head)
    hidden = layers * sum(layer) + sum(head)
    exposed = long * (6 * layers + 3 + 4 * layers + 2) - hidden
    durations = with_times(plan, all_gather=long, reduce_scatter=long)
    assert step_s(plan, durations, even) == pytest.approx(plan.busy_s + exposed, rel=1e-12)


def test_what_runs_beside_computing_slows_it():
    plan, even = planned("llama3-70b", 8, "tp=8", global_batch=1)
    short = 1e-6
    durations = with_times(plan, all_gather=short, reduce_scatter=short)
    beside = short * (4 * plan.job.model.layers + 2)
    slowed = step_s(plan, durations, even, 0.25) - step_s(plan, durations, even)
    assert slowed == pytest.approx(0.25 * beside, rel=1e-6)


def test_the_slowest_replica_governs():
    plan, even = planned("llama3-8b", 4, "pp=2", global_batch=8)
    slow = even.copy()
    slow[1] = 1.5
    assert step_s(plan, plan.silent, slow) == pytest.approx(step_s(plan, plan.silent, 1.5 * even), rel=1e-14)


@pytest.mark.parametrize(
    ("parallel", "options"),
    [
        ("tp=8,pp=4", {"schedule": "1f1b"}),
        ("tp=4,pp=2,dp=4", {"schedule": "zero-bubble"}),
        ("dp=32", {"zero": 3}),
        ("tp=2,cp=2,dp=8", {"zero": 3, "shard": 4}),
        ("tp=8,pp=2,cp=2", {"context": "all-gather", "schedule": "1f1b"}),
    ],
)
def test_a_faster_network_never_slows_a_step(parallel, options, alpha_beta):
    plan, even = planned("llama3-70b", 32, parallel, **options)
    steps = [
        step_s(plan, measure(plan.job, plan.messages, alpha_beta(1e-6, rate)), even)
        for rate in (1e9, 1e10, 1e11, 1e12, 1e15)
    ]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == pytest.approx(step_s(plan, plan.silent, even), rel=5e-3)
