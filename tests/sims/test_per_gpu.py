"""Starvation by GPU: its mean is the ledger's, and the GPUs that wait for others are the ones that starve."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.per_gpu import per_gpu
from fabricsim.sims.train import draw_jitter, train
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st


def row_of(servers):
    """Accelerators of these servers, without a network."""
    builder = FabricBuilder("row", {"assumptions": []})
    names = numbered("gpu-{}", np.arange(len(servers)))
    builder.endpoints = builder.add_nodes(NodeKind.ACCELERATOR, names, server=servers)
    return builder.build()


@pytest.mark.parametrize(
    ("model", "gpus", "parallel", "options"),
    [
        ("llama3-8b", 1, "tp=8", {}),
        # 32 layers on 3 stages, and an embedding and a head on those at the ends
        ("llama3-8b", 3, "tp=8,pp=3", {"global_batch": 12}),
        ("mixtral-8x7b", 2, "ep=8,pp=2", {"imbalance": 1.5}),
        ("llama3-8b", 2, "tp=8", {"zero": 3, "slowdown": 0.2}),
    ],
)
def test_the_mean_gpu_starves_as_the_ledger_says(model, gpus, parallel, options):
    step = train(load("hgx-h100", nodes=gpus), model, parallel, **options)
    whole = step.per_gpu.spread[0]
    assert (whole.stage, whole.gpus) == (None, 8 * gpus)
    assert whole.mean_s == pytest.approx(step.starved_fraction * step.step_time_s, rel=1e-9)


def test_stages_with_less_to_do_starve_more():
    step = train(load("hgx-h100", nodes=3), "llama3-8b", "tp=8,pp=3", global_batch=12)
    first, middle, last = step.per_gpu.spread[1:]
    assert [row.gpus for row in (first, middle, last)] == [8, 8, 8]
    assert first.min_s == first.max_s
    # of 32 layers the first stage holds 10 and the others 11, the last the head as well
    assert first.mean_s > middle.mean_s > last.mean_s
    assert step.per_gpu.most_starved_servers[0].name == "server 0"


@settings(max_examples=40)
@given(
    busy=st.lists(st.floats(0, 10), min_size=8, max_size=8),
    servers=st.lists(st.integers(-1, 2), min_size=8, max_size=8),
)
def test_spreads_and_the_most_starved_are_those_of_sorted_lists(busy, servers):
    told = per_gpu(row_of(servers), 2, np.array(busy), 10.0)
    starved = [10 - each for each in busy]
    for row, own in zip(told.spread, (starved, starved[:4], starved[4:]), strict=True):
        assert (row.min_s, row.max_s) == (min(own), max(own))
        middle = sorted(own)[len(own) // 2 - 1 : len(own) // 2 + 1]
        assert row.median_s == pytest.approx(sum(middle) / 2)
        assert row.p10_s == pytest.approx(np.percentile(own, 10))
    expected = sorted(range(8), key=lambda rank: (-round(starved[rank], 9), rank))[:5]
    assert [row.name for row in told.most_starved_gpus] == [f"gpu-{rank}" for rank in expected]
    means = {
        f"server {number}": np.mean([starved[rank] for rank in range(8) if servers[rank] == number])
        for number in set(servers) - {-1}
    }
    assert {row.name: row.starved_s for row in told.most_starved_servers} == pytest.approx(means)
    found = [row.starved_s for row in told.most_starved_servers]
    assert found == sorted(found, reverse=True)


def test_the_gpu_that_jitter_slows_most_starves_least():
    step = train(load("hgx-h100", nodes=1), "llama3-8b", "tp=8", jitter=0.1, seed=3)
    slowest = int(np.argmax(draw_jitter(SimpleNamespace(jitter=0.1, gpus=8), 3)))
    spread = step.per_gpu.spread[0]
    assert spread.max_s > spread.min_s
    assert f"gpu-0-{slowest}" not in {row.name for row in step.per_gpu.most_starved_gpus}


def test_fast_gpus_starve_beside_slow_ones():
    pods = [{"of": "hgx-h100", "fields": {"nodes": 2}}, {"of": "hgx-b200", "fields": {"nodes": 2}}]
    mixed = load("composite", pods=pods, uplinks=8, spines=8, network="roce")
    step = train(mixed, "llama3-8b", "tp=8")
    most = step.per_gpu.most_starved_servers
    devices = np.array(mixed.meta["devices"])[mixed.column("device")[mixed.endpoints]].tolist()
    assert devices == ["H100_SXM"] * 16 + ["B200_SXM"] * 16
    assert [(row.name, row.gpus) for row in most] == [(f"server {number}", 8) for number in (2, 3, 0, 1)]
    assert most[0].starved_s > 1.5 * most[2].starved_s
