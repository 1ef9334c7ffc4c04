"""On a fabric with one bottleneck, a faster bottleneck never raises the cause that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.ledger import NETWORK_RUNGS, Unevenness, climb
from fabricsim.sims.network import network_for
from fabricsim.sims.train import draw_jitter
from fabricsim.sims.wires import NetworkWires
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
ROUNDING = 1e-9
"""Of a step."""


def dumbbell(trunk_bps, latency_ns=500, network="infiniband"):
    """Two hosts on either of two switches with ports of 10 Tbit/s, and one cable between the switches."""
    builder = FabricBuilder("dumbbell", {"network": network, "assumptions": []})
    ends = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(4)))
    left, right = builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(2)))
    builder.add_cables(ends, np.repeat([left, right], 2), 1e13, latency_ns)
    builder.add_cables(left, right, trunk_bps, latency_ns)
    return builder.build()


def job_of(tp, pp, micro_batches, options):
    said = {"global_batch": 4 // (tp * pp) * micro_batches, **options}
    return plan_job(load_model("llama3-8b"), 4, JobOptions.of(f"tp={tp},pp={pp}", said))


jobs = st.builds(
    job_of,
    st.sampled_from([1, 2]),
    st.sampled_from([1, 2]),
    st.integers(1, 4),
    st.sampled_from([{}, {"zero": 0}, {"zero": 3}, {"overlap": False}, {"schedule": "gpipe"}, {"jitter": 0.1}]),
)
rates = st.floats(1e9, 1e13)
gains = st.floats(1.01, 1e3)


def cost_s(cause, job, fabric):
    """(what the cause adds to a step, the step)."""
    plan = plan_step(job, H100)
    wires = NetworkWires(network_for(fabric, "transport", "auto", "auto", 0, {}))
    names = list(NETWORK_RUNGS)
    before = names[names.index(cause) - 1]
    details = [NETWORK_RUNGS[name] for name in (before, cause)]
    durations = {detail: measure(job, plan.messages, wires.at(detail)) for detail in details}
    rungs = climb(plan, durations, Unevenness(governed(job, draw_jitter(job, 0)), np.ones((job.dp, job.pp))))
    return rungs[cause] - rungs[before], rungs[cause]


def assert_not_raised(cause, job, slow, fast):
    (least, _), (most, step_s) = (cost_s(cause, job, fabric) for fabric in (fast, slow))
    assert least <= most + ROUNDING * step_s


@settings(max_examples=15)
@given(job=jobs, trunk_bps=rates, gain=gains)
def test_a_faster_trunk_never_raises_oversubscription(job, trunk_bps, gain):
    assert_not_raised("oversubscription", job, dumbbell(trunk_bps), dumbbell(gain * trunk_bps))


@settings(max_examples=15)
@given(job=jobs, latency_ns=st.integers(10, 1_000_000), gain=gains)
def test_shorter_cables_never_raise_latency(job, latency_ns, gain):
    assert_not_raised("latency", job, dumbbell(1e13, latency_ns), dumbbell(1e13, round(latency_ns / gain)))


@settings(max_examples=15)
@given(job=jobs, trunk_bps=rates, gain=gains)
def test_a_faster_trunk_never_raises_congestion_of_sprayed_packets(job, trunk_bps, gain):
    slow, fast = (dumbbell(rate, network="uec") for rate in (trunk_bps, gain * trunk_bps))
    assert_not_raised("congestion", job, slow, fast)


@pytest.mark.parametrize(
    ("cause", "fabric"),
    [
        ("oversubscription", dumbbell(1e11)),
        ("latency", dumbbell(1e13, 100_000)),
        ("congestion", dumbbell(1e10, network="uec")),
    ],
)
def test_a_slow_bottleneck_has_its_cause(cause, fabric):
    lost_s, step_s = cost_s(cause, job_of(2, 2, 2, {}), fabric)
    assert lost_s > 0.005 * step_s
