"""The trace of a step: a strict reader accepts it, it fills the step, and links carry what the step's messages say."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from fabricsim.sims import timeline_layers
from fabricsim.sims.network import Network
from fabricsim.sims.train import train
from fabricsim.topologies import load

JOBS = [
    ("llama3-8b", "tp=8,pp=2", {}),
    ("llama3-8b", "tp=4,pp=4", {"schedule": "zero-bubble"}),
    ("llama3-8b", "tp=8", {"zero": 3}),
    ("llama3-8b", "tp=4,pp=2", {"overlap": False, "schedule": "1f1b", "jitter": 0.1}),
    ("mixtral-8x7b", "ep=8,pp=2", {"slowdown": 0.2}),
    ("llama3-8b", "tp=2,cp=2,pp=2", {"context": "all-gather"}),
]


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=4)


def top_level(spans):
    """Spans that lie in no other one."""
    outer = []
    for span in sorted(spans, key=lambda span: (span[1], -span[2])):
        if not outer or span[1] >= outer[-1][2]:
            outer.append(span)
    return outer


@pytest.mark.parametrize(("model", "parallel", "options"), JOBS)
def test_a_strict_reader_accepts_the_trace_and_finds_the_whole_step(
    servers, tmp_path, read_trace, model, parallel, options
):
    path = tmp_path / "step.json"
    step = train(servers, model, parallel, trace=path, **options)
    read = read_trace(path)
    stages = int(step.parallel.split("pp=")[1].split()[0])
    assert [read.processes[pid] for pid in range(stages)] == [f"stage {n}, {32 // stages} GPUs" for n in range(stages)]
    assert read.processes[stages] == "hot links: load"
    assert max(end for spans in read.spans.values() for _, _, end in spans) == round(1e9 * step.step_time_s)
    for stage in range(stages):
        assert read.tracks[stage, 0] == "compute"
        names = [name for name, _, _ in top_level(read.spans[stage, 0])]
        assert names.count("optimizer") == 1
        assert names.count("forward") == names.count("backward") > 0
    assert {name for _, name in read.counters} == {row.name for row in step.top_links}


def test_only_layers_lie_inside_other_slices(servers, tmp_path, read_trace):
    path = tmp_path / "step.json"
    train(servers, "llama3-8b", "tp=4,pp=2,cp=2", trace=path)
    for (_, track), spans in read_trace(path).spans.items():
        if track:
            ordered = sorted(spans, key=lambda span: span[1:])
            assert all(one[2] <= other[1] for one, other in pairwise(ordered))
        else:
            inner = {name for name, _, _ in set(spans) - set(top_level(spans))}
            assert "layer" in inner
            assert inner <= {"embedding", "layer", "head"}


def test_layers_and_messages_of_a_task_are_as_many_as_the_model_has(servers, tmp_path):
    path = tmp_path / "step.json"
    train(servers, "llama3-8b", "tp=8,pp=2,vp=1", global_batch=4, trace=path)
    events = json.loads(path.read_text())["traceEvents"]
    # 32 layers on two stages; two micro-batches, forward and backward
    assert [sum(e["name"] == "layer" and e["pid"] == stage for e in events) for stage in (0, 1)] == [64, 64]
    # under sequence parallelism forward scatters after attention, after the feed-forward network, and the embedding
    first = [e for e in events if e.get("args", {}).get("micro-batch") == 0 and (e["pid"], e.get("tid")) == (0, 1)]
    forward_ends = min(
        e["ts"] + e["dur"] for e in events if e["ph"] == "X" and e["name"] == "forward" and e["pid"] == 0
    )
    assert sum(e["name"] == "tp reduce-scatter" and e["ts"] < forward_ends for e in first) == 2 * 16 + 1


def moved_bytes(counters, payload_bps):
    """The integral of a counter."""
    times, loads = zip(*((at / 1e9, values["load"]) for at, values in counters), strict=True)
    return float(np.sum(np.diff(times) * np.array(loads[:-1])) * payload_bps / 8)


def test_a_port_carries_what_data_parallelism_sends_through_it(tmp_path, read_trace):
    pair = load("hgx-h100", nodes=2)
    step = train(pair, "llama3-8b", "tp=8", trace=tmp_path / "step.json")
    read = read_trace(tmp_path / "step.json")
    sent = math.fsum(row.wire_bytes_per_gpu for row in step.collectives if row.dimension == "dp")
    payload_bps = 400e9 * 0.96
    (port,) = [row.name for row in step.top_links if row.name.startswith("nic")]
    # loads are written with four digits
    assert moved_bytes(read.counters[1, port], payload_bps) == pytest.approx(sent, rel=1e-3)
    assert Network(pair).payload_bps[pair.out_links(pair.node_id("nic-0-0"))].min() == payload_bps


def test_a_cable_above_the_leaves_carries_the_pipelines_messages(tmp_path, read_trace):
    """16 servers at 4:1, four on a leaf of each rail, as many a stage; a leaf has one cable up."""
    thin = load("hgx-h100", nodes=16, oversubscription=4)
    step = train(thin, "llama3-8b", "tp=8,pp=4,vp=1", global_batch=24, trace=tmp_path / "step.json")
    cables = [row.name for row in step.top_links if row.name.startswith("leaf-0-0")]
    hop = next(row for row in step.collectives if row.op == "send-recv")
    loads = read_trace(tmp_path / "step.json").counters[4, cables[0]]
    # six micro-batches of each of the four replicas; each GPU sends an eighth of the activations
    assert hop.size_bytes == 8192 * 4096 * 2 / 8
    assert moved_bytes(loads, 400e9 * 0.96) == pytest.approx(6 * 4 * hop.size_bytes, rel=1e-3)


def test_of_too_many_layers_only_the_first_micro_batchs_are_told_apart(servers, tmp_path, read_trace, monkeypatch):
    sizes = []
    for most in (10**9, 1000):
        monkeypatch.setattr(timeline_layers, "MOST_PIECES", most)
        path = tmp_path / f"{most}.json"
        step = train(servers, "llama3-8b", "tp=8,pp=2", trace=path)
        read = read_trace(path)
        sizes.append(len(path.read_text()))
        name = step.top_links[0].name
        sizes.append(moved_bytes(read.counters[2, name], 8))
    assert sizes[2] < sizes[0] / 2
    assert sizes[3] == pytest.approx(sizes[1], rel=1e-3)
    assert any(name == timeline_layers.WITHIN for name, _, _ in read.spans[0, 1])
