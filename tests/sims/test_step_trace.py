"""The trace of a step: it fills the step, and what runs on one track never overlaps."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise

import pytest
from fabricsim.sims.train import train
from fabricsim.topologies import load


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=4)


@pytest.mark.parametrize(
    ("parallel", "options"),
    [
        ("tp=8,pp=2", {}),
        ("tp=4,pp=4", {"schedule": "zero-bubble"}),
        ("tp=8", {"zero": 3}),
        ("tp=4,pp=2", {"overlap": False, "schedule": "1f1b"}),
    ],
)
def test_slices_of_a_track_follow_one_another_and_end_with_the_step(servers, tmp_path, parallel, options):
    path = tmp_path / "step.json"
    result = train(servers, "llama3-8b", parallel, trace=path, **options)
    events = json.loads(path.read_text())["traceEvents"]
    tracks = defaultdict(list)
    for event in (event for event in events if event["ph"] == "X"):
        tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for slices in tracks.values():
        slices.sort()
        assert all(end <= begin + 1e-3 for (_, end), (begin, _) in pairwise(slices))
    last = max(end for slices in tracks.values() for _, end in slices)
    assert last == pytest.approx(1e6 * result.step_time_s, rel=1e-9)
    names = [event["args"]["name"] for event in events if event["ph"] == "M" and event["name"] == "process_name"]
    assert len(names) == len({pid for pid, _ in tracks})
