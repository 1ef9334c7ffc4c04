"""The ledger: its rows sum exactly, and each cause appears when, and only when, it is there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fabricsim.sims.exposure import exposed_by_collective, exposed_by_dimension
from fabricsim.sims.ledger import CAUSES, NETWORK_RUNGS, Unevenness, climb, ledger
from fabricsim.sims.train import draw_jitter
from fabricsim.sims.workloads.durations import measure
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.machines import governed
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.plan import plan_step
from fabricsim.sims.workloads.roofline import roofline
from hypothesis import given, settings
from hypothesis import strategies as st

H100 = roofline("H100_SXM", "bf16")


def job_of(model, gpus, parallel="", **options):
    return plan_job(load_model(model), gpus, JobOptions.of(parallel, options))


dense_jobs = st.builds(
    lambda model, tp, pp, dp, rounds, extra, jitter, options: job_of(
        model,
        tp * pp * dp,
        f"tp={tp},pp={pp},dp={dp}",
        global_batch=dp * (pp * rounds + extra),
        jitter=jitter,
        **options,
    ),
    st.sampled_from(["llama3-8b", "gpt3-175b", "llama3-405b"]),
    st.sampled_from([1, 2, 8]),
    # 3 and 5 stages do not divide the layers: the last stages hold fewer
    st.sampled_from([1, 2, 3, 5]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.05, 0.5]),
    st.sampled_from(
        [
            *({}, {"zero": 3}, {"zero": 3, "overlap": False}, {"zero": 0}, {"overlap": False}),
            *({"schedule": "zero-bubble"}, {"recompute": "full", "slowdown": 0.2}, {"zero": 3, "slowdown": 0.2}),
            {"stalls": 1e-3},
        ]
    ),
)
context_jobs = st.builds(
    lambda context, cp, pp, zero, shard: job_of(
        "llama3-8b", 4 * cp * pp, f"cp={cp},pp={pp},tp=2", context=context, zero=zero, shard=shard
    ),
    st.sampled_from(["ring", "all-gather", "ulysses"]),
    st.sampled_from([2, 4]),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 3]),
    st.sampled_from([None, 2]),
)
expert_jobs = st.builds(
    lambda ep, cp, imbalance, jitter, zero: job_of(
        "mixtral-8x7b",
        16,
        f"pp=2,cp={cp},ep={ep}",
        imbalance=imbalance,
        jitter=jitter,
        zero=zero,
        context="ring" if cp > 1 else None,
    ),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([1, 2]),
    st.sampled_from([1.0, 1.4]),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 3),
)
jobs = dense_jobs | context_jobs | expert_jobs


def uneven(job, seed=0, slow=1.0):
    """Jitter, and accelerators that take `slow` times as long in every second rank's place."""
    pace = np.where(np.arange(job.gpus) % 2, slow, 1.0)
    return Unevenness(governed(job, draw_jitter(job, seed)), governed(job, pace))


def rows_of(job, durations, seed=0, slow=1.0):
    plan = plan_step(job, H100)
    rungs = climb(plan, durations(plan), uneven(job, seed, slow))
    return plan, rungs, {row.cause: row for row in ledger(job.gpus, rungs)}


def everywhere_silent(plan):
    return dict.fromkeys(NETWORK_RUNGS.values(), plan.silent)


@settings(max_examples=60, deadline=None)
@given(
    job=jobs,
    rates=st.lists(st.floats(1e8, 1e13), min_size=5, max_size=5),
    seed=st.integers(0, 99),
    slow=st.sampled_from([1.0, 1.6]),
)
def test_rows_sum_to_the_step_of_all_gpus_whatever_the_network(alpha_beta, job, rates, seed, slow):
    def durations(plan):
        wires = [alpha_beta(1e3 / rate, rate) for rate in rates]
        return {
            detail: measure(job, plan.messages, each)
            for detail, each in zip(NETWORK_RUNGS.values(), wires, strict=True)
        }

    plan, rungs, rows = rows_of(job, durations, seed, slow)
    step_s = list(rungs.values())[-1]
    assert tuple(rows) == CAUSES
    assert math.fsum(row.gpu_seconds for row in rows.values()) == pytest.approx(step_s * job.gpus, rel=1e-9)
    assert math.fsum(row.fraction for row in rows.values()) == pytest.approx(1, abs=1e-9)
    final = durations(plan)[max(NETWORK_RUNGS.values())]
    split = exposed_by_collective(plan, final, uneven(job, seed, slow))
    network = math.fsum(rows[cause].gpu_seconds for cause in (*NETWORK_RUNGS, "overlap"))
    for table in (split, exposed_by_dimension(split)):
        assert math.fsum(row.gpu_seconds for row in table) == pytest.approx(network, abs=1e-9 * step_s * job.gpus)
        assert math.fsum(row.fraction for row in table) == pytest.approx(network / step_s / job.gpus, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(job=jobs)
def test_an_infinite_network_leaves_bubble_imbalance_and_jitter(job):
    _, _, rows = rows_of(job, everywhere_silent)
    starved = {cause for cause, row in rows.items() if row.gpu_seconds != 0} - {"compute"}
    assert starved <= {"pipeline_bubble", "straggler", "imbalance"}
    total = rows["compute"].gpu_seconds
    if job.jitter == job.stalls == 0:
        assert rows["straggler"].gpu_seconds == 0
    if job.pp == 1:
        assert rows["pipeline_bubble"].gpu_seconds == pytest.approx(0, abs=1e-12 * total)
    if job.pp == 1 and job.jitter == 0 and job.imbalance == 1:
        assert rows["imbalance"].gpu_seconds == pytest.approx(0, abs=1e-12 * total)


def test_the_busiest_experts_cost_imbalance_and_computing_stays_the_same():
    _, _, calm = rows_of(job_of("mixtral-8x7b", 8, "ep=8"), everywhere_silent)
    _, _, skewed = rows_of(job_of("mixtral-8x7b", 8, "ep=8", imbalance=1.5), everywhere_silent)
    assert skewed["compute"].gpu_seconds == calm["compute"].gpu_seconds
    assert skewed["imbalance"].gpu_seconds > 0.1 * calm["compute"].gpu_seconds


def test_slower_accelerators_cost_imbalance():
    plan = plan_step(job_of("llama3-8b", 4), H100)
    pace = np.array([[1.0], [1.0], [1.0], [2.0]])
    rungs = climb(plan, {}, Unevenness(np.ones((4, 1)), pace))
    rows = {row.cause: row for row in ledger(4, rungs)}
    assert rows["imbalance"].gpu_seconds == pytest.approx(rows["compute"].gpu_seconds, rel=1e-9)


def test_jitter_costs_under_its_own_name_and_computing_stays_the_same():
    job = job_of("llama3-8b", 32, "tp=2,pp=2")
    _, _, calm = rows_of(job, everywhere_silent)
    _, _, rough = rows_of(replace(job, jitter=0.1), everywhere_silent)
    assert rough["compute"].gpu_seconds == calm["compute"].gpu_seconds
    assert rough["straggler"].gpu_seconds > 0.1 * calm["compute"].gpu_seconds


def test_hosts_that_stall_in_turn_cost_the_sum_of_their_stalls_under_stragglers():
    job = job_of("llama3-8b", 32, "tp=2,pp=2", global_batch=64)
    _, calm, before = rows_of(job, everywhere_silent)
    _, rough, after = rows_of(replace(job, stalls=1e-3), everywhere_silent)
    compute = before["compute"].gpu_seconds
    assert after["straggler"].gpu_seconds == pytest.approx(32 * 1e-3 * compute, rel=1e-12)
    assert after["compute"].gpu_seconds == compute
    assert rough["congestion"] - calm["congestion"] == pytest.approx(1e-3 * compute, rel=1e-9)


def test_jitter_has_the_mean_and_deviation_asked_for_and_follows_the_seed():
    job = job_of("llama3-8b", 65536, jitter=0.2)
    drawn = draw_jitter(job, 7)
    # 65,536 draws: three standard errors of mean and deviation
    assert drawn.mean() == pytest.approx(1, abs=3 * 0.2 / 256)
    assert drawn.std() == pytest.approx(0.2, abs=3 * 0.2 / 256)
    assert (draw_jitter(job, 7) == drawn).all()
    assert (draw_jitter(job, 8) != drawn).any()


def test_the_slowest_of_a_tensor_group_governs_it():
    job = job_of("llama3-8b", 64, "tp=8,pp=2", jitter=0.2)
    alone = draw_jitter(job, 3)
    assert (governed(job, alone).ravel("F") == alone.reshape(-1, 8).max(axis=1)).all()


def test_a_detail_that_helps_is_a_negative_row():
    job = job_of("llama3-8b", 8, "tp=8")

    def durations(plan):
        quiet = plan.silent
        slow = replace(quiet, messages=dict.fromkeys(quiet.messages, 1e-3))
        return {detail: slow if cause == "oversubscription" else quiet for cause, detail in NETWORK_RUNGS.items()}

    _, _, rows = rows_of(job, durations)
    assert rows["oversubscription"].gpu_seconds > 0
    assert rows["collision"].gpu_seconds == pytest.approx(-rows["oversubscription"].gpu_seconds, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(job=dense_jobs.filter(lambda job: job.order == "1f1b"), rate=st.floats(1e9, 1e12), gain=st.floats(1.1, 100))
def test_a_faster_port_never_raises_serialisation(alpha_beta, job, rate, gain):
    def at(bytes_per_s):
        return lambda plan: {NETWORK_RUNGS["serialisation"]: measure(job, plan.messages, alpha_beta(0.0, bytes_per_s))}

    _, _, slow = rows_of(job, at(rate))
    _, _, fast = rows_of(job, at(gain * rate))
    ulp = 1e-12 * slow["compute"].gpu_seconds
    assert fast["serialisation"].gpu_seconds <= slow["serialisation"].gpu_seconds + ulp
    assert np.isfinite(slow["serialisation"].fraction)
