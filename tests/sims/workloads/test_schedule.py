"""Pipeline schedules: closed-form bubbles, a slow twin, and no order that waits for itself."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.workloads.schedule import TaskTimes, chunk_ends_s, task_order
from hypothesis import given, settings
from hypothesis import strategies as st


def run(order, stages, chunks, micro_batches, forward=None, backward=None, hop=None, back=None, gate=None):
    shape = (1, chunks, stages)
    forward = np.ones(shape) if forward is None else forward
    backward = 2 * np.ones(shape) if backward is None else backward
    hop = np.zeros((1, stages)) if hop is None else hop
    back = np.zeros((1, stages)) if back is None else back
    gate = np.zeros(shape) if gate is None else gate
    tasks = task_order(order, stages, chunks, micro_batches)
    weights = np.ones(shape) if order == "zero-bubble" else np.zeros(shape)
    return chunk_ends_s(tasks, TaskTimes(forward, backward, weights, hop, back), gate)


@pytest.mark.parametrize("order", ["gpipe", "1f1b"])
@pytest.mark.parametrize(("stages", "micro_batches"), [(1, 1), (2, 3), (4, 4), (8, 32), (5, 2)])
def test_equal_stages_have_a_bubble_of_p_minus_1_over_m(order, stages, micro_batches):
    busy = 3 * micro_batches
    assert run(order, stages, 1, micro_batches).max() == busy * (1 + (stages - 1) / micro_batches)


@pytest.mark.parametrize(
    ("stages", "chunks", "micro_batches"), [(2, 2, 2), (4, 2, 8), (8, 4, 32), (3, 5, 6), (16, 6, 32)]
)
def test_interleaving_divides_the_bubble_by_the_chunks(stages, chunks, micro_batches):
    busy = 3 * chunks * micro_batches
    bubble = (stages - 1) / (chunks * micro_batches)
    assert run("interleaved", stages, chunks, micro_batches).max() == pytest.approx(busy * (1 + bubble), rel=1e-14)


@pytest.mark.parametrize(("stages", "micro_batches"), [(2, 2), (4, 4), (4, 12), (8, 32)])
def test_a_zero_bubble_schedule_leaves_p_minus_1_times_f_plus_b_minus_w(stages, micro_batches):
    # Qi et al. 2023, table 1, ZB-H1, here with F = 1, B = 1, W = 1: a third of the bubble of 1F1B
    ones = np.ones((1, 1, stages))
    ends = run("zero-bubble", stages, 1, micro_batches, backward=ones)
    assert ends.max() == 3 * micro_batches + (stages - 1)


def test_interleaving_holds_published_shares_of_eight_stages():
    # Narayanan et al. 2021: p=8, m=32 gives 21.9% of the computing time, 5.5% with four chunks
    plain = run("1f1b", 8, 1, 32).max() / (3 * 32) - 1
    chunked = run("interleaved", 8, 4, 32).max() / (3 * 4 * 32) - 1
    assert round(plain, 3) == 0.219
    assert round(chunked, 3) == 0.055


@settings(max_examples=60, deadline=None)
@given(stages=st.integers(2, 7), chunks=st.integers(2, 5), micro_batches=st.integers(1, 24))
def test_no_short_last_group_waits_for_itself_or_costs_more_than_a_full_one(stages, chunks, micro_batches):
    filled = -(-micro_batches // stages) * stages
    ends = run("interleaved", stages, chunks, micro_batches)
    assert 3 * chunks * micro_batches <= ends.max() <= run("interleaved", stages, chunks, filled).max()


@settings(max_examples=40, deadline=None)
@given(
    order=st.sampled_from(["gpipe", "1f1b", "interleaved", "zero-bubble"]),
    stages=st.integers(1, 5),
    chunks=st.integers(2, 4),
    micro_batches=st.integers(1, 9),
)
def test_every_stage_issues_every_task_once_and_backward_after_forward(order, stages, chunks, micro_batches):
    chunks = chunks if order == "interleaved" else 1
    kinds = 3 if order == "zero-bubble" else 2
    for tasks in task_order(order, stages, chunks, micro_batches).tasks:
        place = {int(task): at for at, task in enumerate(tasks)}
        count = chunks * micro_batches
        assert set(place) == set(range(kinds * count))
        assert all(place[task] < place[task + count] for task in range((kinds - 1) * count))


def slow_ends(tasks, forward, backward, hop, back):
    """The rules written down: a task starts when its stage and its input are there, a message when its sender's wire
    is free.

    Relaxed until nothing moves; the wire serves a stage's messages in issue order.
    """
    _, chunks, stages = forward.shape
    batches = tasks.micro_batches
    last = chunks * stages - 1
    arrival: dict[tuple[str, int, int], float] = {("F", 0, batch): 0.0 for batch in range(batches)}
    end: dict[tuple[str, int, int], float] = {}
    for _ in range(2 * chunks * batches * stages + 2):
        for stage in range(stages):
            clock = wire = 0.0
            for task in tasks.tasks[stage]:
                kind = "FB"[int(task) // (chunks * batches)]
                chunk, batch = divmod(int(task) % (chunks * batches), batches)
                place = chunk * stages + stage
                if (kind, place, batch) not in arrival:
                    break
                took = (forward if kind == "F" else backward)[0, chunk, stage]
                clock = max(clock, arrival[kind, place, batch]) + took
                end[kind, place, batch] = clock
                if kind == "F" and place == last:
                    arrival["B", place, batch] = clock
                elif kind == "F":
                    wire = max(wire, clock) + hop[0, stage]
                    arrival["F", place + 1, batch] = wire
                elif place > 0:
                    wire = max(wire, clock) + back[0, stage]
                    arrival["B", place - 1, batch] = wire
    return end


@settings(max_examples=30, deadline=None)
@given(
    order=st.sampled_from(["gpipe", "1f1b", "interleaved"]),
    stages=st.integers(2, 4),
    chunks=st.integers(2, 3),
    micro_batches=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_uneven_stages_and_wires_end_as_the_slow_twin_says(order, stages, chunks, micro_batches, seed):
    chunks = chunks if order == "interleaved" else 1
    rng = np.random.default_rng(seed)
    forward, backward = rng.uniform(0, 3, (2, 1, chunks, stages))
    hop, back = rng.uniform(0, 2, (2, 1, stages))
    ends = run(order, stages, chunks, micro_batches, forward, backward, hop, back)
    twin = slow_ends(task_order(order, stages, chunks, micro_batches), forward, backward, hop, back)
    for chunk in range(chunks):
        for stage in range(stages):
            last = max(twin["B", chunk * stages + stage, batch] for batch in range(micro_batches))
            assert ends[0, chunk, stage] == pytest.approx(last, rel=1e-12)


def test_a_gate_holds_back_the_first_forward_alone():
    gate = np.array([[[10.0]]])
    # first forward ends at 10 instead of 1, the other two tasks of micro-batch 0 and the three of micro-batch 1 follow
    assert run("1f1b", 1, 1, 2, gate=gate).max() == 10 + 2 + 1 + 2


def test_a_wire_slower_than_computing_paces_the_pipeline():
    # two stages; the first stage's wire carries m activations one after another, then one backward remains
    ends = run("gpipe", 2, 1, 6, hop=np.array([[5.0, 0.0]]))
    assert ends[0, 0, 1] == 1 + 6 * 5 + 1 + 6 * 2
