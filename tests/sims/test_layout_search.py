"""The search for a layout: its bound rules out nothing that could win, and what it finds is what train says."""

from __future__ import annotations

import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.layout_search import search
from fabricsim.sims.layouts import candidates, shardings
from fabricsim.sims.network import Network
from fabricsim.sims.quick_step import quick_step_s
from fabricsim.sims.train import train
from fabricsim.sims.wires import NetworkWires
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.machines import fabric_machines
from fabricsim.sims.workloads.memory import fitted
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.topologies import load

MODEL = load_model("llama3-8b")


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=1)


def few_layers(preset, **fields):
    return load_model(preset).model_copy(update={"layers": 4, **fields})


def every_step_s(fabric, model, options):
    """The step of every layout that is legal and fits, one by one."""
    machines, wires = fabric_machines(fabric, "bf16"), NetworkWires(Network(fabric))
    for candidate in candidates(model, fabric.ranks, options):
        for said in shardings(candidate):
            try:
                job = fitted(plan_job(model, fabric.ranks, said), said, machines.capacity_bytes)
            except WorkloadError:
                continue
            yield (said.parallel, said.micro_batch, said.zero), quick_step_s(job, machines, wires)


@pytest.mark.parametrize("preset", ["llama3-8b", "mixtral-8x7b"])
def test_no_layout_of_all_beats_the_one_found(servers, preset):
    fabric, model, options = servers, few_layers(preset), JobOptions(global_batch=16, zero=2)
    found = search(fabric, model, options)
    steps = dict(every_step_s(fabric, model, options))
    assert found.best.step_s == min(steps.values())
    assert found.refused + len(steps) >= sum(1 for _ in candidates(model, fabric.ranks, options))
    seen = 0
    for layout in found.layouts:
        step_s = steps.get((layout.parallel, layout.micro_batch, layout.zero))
        if step_s is not None:
            seen += 1
            assert layout.bound_s <= step_s * (1 + 1e-12)
            assert layout.step_s in (None, step_s)
    assert seen > 20


def test_the_best_layout_is_what_train_says(servers):
    best = search(servers, MODEL, JobOptions(global_batch=16, zero=3)).best
    step = train(servers, MODEL, best.parallel, global_batch=16, micro_batch=best.micro_batch, zero=best.zero)
    assert best.step_s == pytest.approx(step.step_time_s, rel=1e-12)
    assert best.memory_GB == pytest.approx(step.memory.total_GB)


def test_a_search_keeps_to_the_sharding_asked_for_and_tells_how_far_it_is(servers):
    told = []
    found = search(servers, MODEL, JobOptions(global_batch=16, zero=3), progress=lambda *at: told.append(at))
    assert {layout.zero for layout in found.layouts} == {3}
    assert told == sorted(told)
    assert all(0 < decided <= total for decided, total in told)


def test_a_search_needs_one_batch_and_no_degrees(servers):
    with pytest.raises(WorkloadError) as caught:
        search(servers, MODEL, JobOptions("tp=8", micro_batch=2))
    assert [fault.field for fault in caught.value.faults] == ["global_batch", "parallel", "micro_batch"]


def test_a_model_that_fits_nowhere_is_refused(servers):
    with pytest.raises(WorkloadError, match="no layout is legal"):
        search(servers, few_layers("llama3-405b", hidden=2**18), JobOptions(global_batch=32, zero=3))
