"""The search for a layout: its bound rules out nothing that could win, and what it finds is what train says."""

from __future__ import annotations

import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.layout_search import search
from fabricsim.sims.train import train
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.topologies import load

MODEL = load_model("llama3-8b")


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=1)


def test_no_layout_beats_the_one_found(servers):
    found = search(servers, MODEL, JobOptions(global_batch=16))
    timed = [layout for layout in found.layouts if layout.step_s is not None]
    assert found.best.step_s == min(layout.step_s for layout in timed)
    assert all(layout.bound_s <= layout.step_s * (1 + 1e-12) for layout in timed)
    ruled_out = [layout for layout in found.layouts if layout.step_s is None]
    for layout in (found.best, *ruled_out[:3], *ruled_out[-1:]):
        step = train(servers, MODEL, layout.parallel, global_batch=16, micro_batch=layout.micro_batch)
        assert step.step_time_s >= found.best.step_s * (1 - 1e-12)
        if layout is found.best:
            assert layout.step_s == pytest.approx(step.step_time_s, rel=1e-12)


def test_a_search_needs_one_batch_and_no_degrees(servers):
    with pytest.raises(WorkloadError) as caught:
        search(servers, MODEL, JobOptions("tp=8", micro_batch=2))
    assert [fault.field for fault in caught.value.faults] == ["global_batch", "parallel", "micro_batch"]


def test_a_model_that_fits_nowhere_is_refused(servers):
    with pytest.raises(WorkloadError, match="no layout is legal"):
        search(servers, load_model("llama3-405b"), JobOptions(global_batch=32))
