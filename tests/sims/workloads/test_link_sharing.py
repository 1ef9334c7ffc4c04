"""Kinds of communication on shared links: closed forms of their pace, and of a step on one port."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.errors import InternalError
from fabricsim.sims.workloads.durations import measure
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.link_sharing import HOP, LinkSharing, LinkUse, audit, equal_parts
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.plan import plan_step
from fabricsim.sims.workloads.roofline import roofline
from fabricsim.sims.workloads.step import step_s, step_times
from hypothesis import given, settings
from hypothesis import strategies as st

GRADIENTS, TENSOR = ("reduce-scatter", "dp"), ("all-gather", "tp")


def on(*links, busy=1.0):
    return LinkUse(np.array(links), np.full(len(links), busy))


def test_two_kinds_on_one_link_have_half_of_it_each_and_on_two_links_all():
    together = LinkSharing.of({HOP: on(0), GRADIENTS: on(0, 1)})
    assert together.rate(HOP, GRADIENTS) == together.rate(GRADIENTS, HOP) == 0.5
    assert together.rate(HOP) == together.rate(HOP, None) == 1.0
    assert LinkSharing.of({HOP: on(0), GRADIENTS: on(1)}).idle


def test_kinds_of_one_stream_never_meet():
    assert LinkSharing.of({TENSOR: on(0), ("all-to-all", "ep"): on(0)}).idle


@pytest.mark.parametrize(("busy", "pace"), [(0.25, 0.75), (0.5, 0.5), (0.9, 0.5)])
def test_what_one_kind_cannot_use_the_other_gets(busy, pace):
    together = LinkSharing.of({HOP: on(0), GRADIENTS: on(0, busy=busy)})
    assert together.rate(HOP, GRADIENTS) == pytest.approx(pace)
    assert together.rate(GRADIENTS, HOP) == pytest.approx(min(1.0, 0.5 / busy))


@settings(max_examples=100)
@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6))
def test_parts_of_any_links_stand_the_audit(rows):
    busy = np.array(rows)
    audit(busy, equal_parts(busy))


@pytest.mark.parametrize("pace", [(1.0, 1.0), (0.4, 0.4)])
def test_the_audit_finds_a_link_beyond_its_capacity_and_a_kind_held_back_for_nothing(pace):
    with pytest.raises(InternalError):
        audit(np.ones((1, 2)), np.array(pace))


def planned(parallel, **options):
    job = plan_job(load_model("llama3-8b"), 4, JobOptions.of(parallel, options))
    return plan_step(job, roofline("H100_SXM", "bf16")), np.ones((job.dp, job.pp))


def test_on_one_port_a_bucket_and_what_computing_waits_for_take_the_time_of_both(alpha_beta):
    # computing costs next to nothing, so that the port is busy from the first byte to the last
    plan, even = planned("tp=2", global_batch=2, zero=0, sp=False)
    idle = replace(
        plan,
        timed=tuple(
            replace(unit, **{
                part: tuple(replace(each, work_s=0.0) for each in getattr(unit, part))
                for part in ("forward", "backward", "weights")
            })
            for unit in plan.timed
        ),
        optimizer_s=np.zeros(1),
    )  # fmt: skip
    durations = measure(plan.job, plan.messages, alpha_beta(0.0, 1e10))
    bytes_s = sum(count * durations.messages[message] for message, count in plan.messages.items())
    assert step_s(idle, durations, even) == pytest.approx(bytes_s, rel=1e-3)
    alone = step_s(idle, replace(durations, sharing=LinkSharing()), even)
    assert alone < 0.99 * bytes_s


def test_kinds_on_links_of_their_own_take_what_they_take_alone_to_the_bit(alpha_beta):
    plan, even = planned("tp=2,pp=2", global_batch=4)
    durations = measure(plan.job, plan.messages, alpha_beta(1e-6, 1e10))
    apart = {kind: on(number) for number, kind in enumerate(durations.sharing.kinds)}
    alone = replace(durations, sharing=LinkSharing())
    assert step_s(plan, replace(durations, sharing=LinkSharing.of(apart)), even) == step_s(plan, alone, even)
    assert step_times(plan, durations, even).total_s > step_s(plan, alone, even)
