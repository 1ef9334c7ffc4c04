"""The ledger: its rows sum exactly, and each cause appears when, and only when, it is there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fabricsim.sims.ledger import CAUSES, NETWORK_RUNGS, climb, ledger, split_by_dimension
from fabricsim.sims.train import draw_slowness
from fabricsim.sims.workloads.durations import measure, silent
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.roofline import roofline
from fabricsim.sims.workloads.step import plan_step
from hypothesis import given, settings
from hypothesis import strategies as st

H100 = roofline("H100_SXM", "bf16")

jobs = st.builds(
    lambda model, tp, pp, dp, rounds, extra, jitter: plan_job(
        load_model(model),
        tp * pp * dp,
        f"tp={tp},pp={pp},dp={dp}",
        global_batch=dp * (pp * rounds + extra),
        jitter=jitter,
    ),
    st.sampled_from(["llama3-8b", "gpt3-175b", "llama3-405b"]),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([1, 2, 3, 5]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([0.0, 0.05, 0.5]),
)


def rows_of(job, durations, seed=0):
    plan = plan_step(job, H100)
    rungs = climb(plan, durations(plan), draw_slowness(job, seed))
    return plan, rungs, {row.cause: row for row in ledger(job.gpus, rungs)}


def everywhere_silent(plan):
    return dict.fromkeys(NETWORK_RUNGS.values(), silent(plan.job, plan.buckets))


@settings(max_examples=60, deadline=None)
@given(job=jobs, rates=st.lists(st.floats(1e8, 1e13), min_size=5, max_size=5), seed=st.integers(0, 99))
def test_rows_sum_to_the_step_of_all_gpus_whatever_the_network(alpha_beta, job, rates, seed):
    def durations(plan):
        wires = [alpha_beta(1e3 / rate, rate) for rate in rates]
        return {
            detail: measure(job, plan.units, plan.buckets, each)
            for detail, each in zip(NETWORK_RUNGS.values(), wires, strict=True)
        }

    plan, rungs, rows = rows_of(job, durations, seed)
    step_s = rungs["congestion"]
    assert tuple(rows) == CAUSES
    assert math.fsum(row.gpu_seconds for row in rows.values()) == pytest.approx(step_s * job.gpus, rel=1e-9)
    assert math.fsum(row.fraction for row in rows.values()) == pytest.approx(1, abs=1e-9)
    final = durations(plan)[max(NETWORK_RUNGS.values())]
    split = split_by_dimension(plan, final, draw_slowness(job, seed))
    network = math.fsum(rows[cause].gpu_seconds for cause in NETWORK_RUNGS)
    assert math.fsum(row.gpu_seconds for row in split) == pytest.approx(network, abs=1e-9 * step_s * job.gpus)


@settings(max_examples=40, deadline=None)
@given(job=jobs)
def test_an_infinite_network_leaves_bubble_imbalance_and_jitter(job):
    _, _, rows = rows_of(job, everywhere_silent)
    starved = {cause for cause, row in rows.items() if row.gpu_seconds != 0} - {"compute"}
    assert starved <= {"pipeline_bubble", "straggler", "imbalance"}
    if job.jitter == 0:
        assert rows["straggler"].gpu_seconds == 0
    if job.pp == 1:
        total = rows["compute"].gpu_seconds
        assert rows["pipeline_bubble"].gpu_seconds == pytest.approx(0, abs=1e-12 * total)


def test_jitter_costs_under_its_own_name_and_computing_stays_the_same():
    job = plan_job(load_model("llama3-8b"), 32, "tp=2,pp=2")
    _, _, calm = rows_of(job, everywhere_silent)
    _, _, rough = rows_of(replace(job, jitter=0.1), everywhere_silent)
    assert rough["compute"].gpu_seconds == calm["compute"].gpu_seconds
    assert rough["straggler"].gpu_seconds > 0.1 * calm["compute"].gpu_seconds


def test_jitter_has_the_mean_and_deviation_asked_for_and_follows_the_seed():
    job = plan_job(load_model("llama3-8b"), 65536, "", jitter=0.2)
    drawn = draw_slowness(job, 7)
    # 65,536 draws: three standard errors of mean and deviation
    assert drawn.mean() == pytest.approx(1, abs=3 * 0.2 / 256)
    assert drawn.std() == pytest.approx(0.2, abs=3 * 0.2 / 256)
    assert (draw_slowness(job, 7) == drawn).all()
    assert (draw_slowness(job, 8) != drawn).any()


def test_the_slowest_of_a_tensor_group_governs_it():
    job = plan_job(load_model("llama3-8b"), 64, "tp=8,pp=2", jitter=0.2)
    alone = draw_slowness(replace(job, tp=1, dp=job.dp * job.tp), 3)
    assert (draw_slowness(job, 3).ravel("F") == alone.ravel("F").reshape(-1, 8).max(axis=1)).all()


def test_a_detail_that_helps_is_a_negative_row():
    job = plan_job(load_model("llama3-8b"), 8, "tp=8")

    def durations(plan):
        quiet = silent(job, plan.buckets)
        slow = replace(quiet, gather_s=1e-3)
        return {detail: slow if cause == "oversubscription" else quiet for cause, detail in NETWORK_RUNGS.items()}

    _, _, rows = rows_of(job, durations)
    assert rows["oversubscription"].gpu_seconds > 0
    assert rows["collision"].gpu_seconds == pytest.approx(-rows["oversubscription"].gpu_seconds, rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(job=jobs.filter(lambda job: job.order == "1f1b"), rate=st.floats(1e9, 1e12), gain=st.floats(1.1, 100))
def test_a_faster_port_never_raises_serialisation(alpha_beta, job, rate, gain):
    def at(bytes_per_s):
        return lambda plan: {
            NETWORK_RUNGS["serialisation"]: measure(job, plan.units, plan.buckets, alpha_beta(0.0, bytes_per_s))
        }

    _, _, slow = rows_of(job, at(rate))
    _, _, fast = rows_of(job, at(gain * rate))
    ulp = 1e-12 * slow["compute"].gpu_seconds
    assert fast["serialisation"].gpu_seconds <= slow["serialisation"].gpu_seconds + ulp
    assert np.isfinite(slow["serialisation"].fraction)
