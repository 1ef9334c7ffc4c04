"""Networks that tests of simulations share: one in closed form, and two tiny fabrics."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.workloads.link_sharing import LinkUse


@dataclass(frozen=True)
class AlphaBeta:
    """Every rank has one port: a call costs `latency_s` and the bytes a ring moves through the port."""

    latency_s: float
    bytes_per_s: float

    def collective_s(self, op, groups, size_bytes):
        ranks = len(groups[0])
        turns = 2 if op == "all-reduce" else 1
        return self.latency_s + turns * (ranks - 1) / ranks * size_bytes / self.bytes_per_s

    def collective_use(self, op, groups, size_bytes):
        return self._use(self.collective_s(op, groups, size_bytes))

    def send_s(self, source, target, size_bytes):
        assert len(source) == len(target)
        return np.full(len(source), self.latency_s + size_bytes / self.bytes_per_s)

    def send_use(self, source, target, size_bytes):
        return self._use(self.latency_s + size_bytes / self.bytes_per_s)

    def _use(self, time_s):
        return LinkUse.of(np.array([time_s - self.latency_s]), time_s)


@pytest.fixture(scope="session")
def alpha_beta():
    """The class AlphaBeta."""
    return AlphaBeta


def _hosts_behind(name, hosts, switches):
    builder = FabricBuilder(name, {"network": "infiniband", "assumptions": []})
    ends = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(hosts)))
    return builder, ends, builder.add_nodes(NodeKind.SWITCH, numbered("switch-{}", np.arange(switches)))


@pytest.fixture
def star():
    """Hosts around one switch: `star(n)` has n links of 100 Gbit/s each way, 500 ns each."""

    def build(hosts):
        builder, ends, (hub,) = _hosts_behind("star", hosts, 1)
        builder.add_cables(ends, hub, 1e11, 500)
        return builder.build()

    return build


@pytest.fixture
def two_leaves():
    """`two_leaves(hosts, paths)`: as many hosts on either of two leaves, one cable from each leaf to each of `paths`
    spines. All cables carry 100 Gbit/s and take 500 ns; hosts 0..hosts-1 are on the first leaf."""

    def build(hosts, paths):
        builder, ends, switches = _hosts_behind("two leaves", 2 * hosts, 2 + paths)
        builder.add_cables(ends, np.repeat(switches[:2], hosts), 1e11, 500)
        builder.add_cables(np.repeat(switches[:2], paths), np.tile(switches[2:], 2), 1e11, 500)
        return builder.build()

    return build


@dataclass(frozen=True)
class ReadTrace:
    """Spans per (pid, tid) as (name, begin, end) in nanoseconds, counters per (pid, name) as (time, values), names of
    processes and of tracks."""

    spans: dict
    counters: dict
    processes: dict
    tracks: dict


def read_trace_strictly(path):
    """A trace by the letter of the Trace Event Format: every key that a phase needs, of its type; times never
    backwards on a track; B and E balanced, X nested; every process and track named."""
    document = json.loads(path.read_text())
    events = document["traceEvents"] if isinstance(document, dict) else document
    read = ReadTrace(defaultdict(list), defaultdict(list), {}, {})
    last, open_spans = {}, defaultdict(list)
    for event in events:
        phase, pid, name = event["ph"], event["pid"], event["name"]
        assert type(pid) is int
        assert type(name) is str
        if phase == "M":
            named = {"process_name": read.processes, "thread_name": read.tracks}[name]
            key = pid if name == "process_name" else (pid, event["tid"])
            assert key not in named
            assert named.setdefault(key, event["args"]["name"]) is not None
            assert type(event["args"]["name"]) is str
            continue
        at = round(1000 * event["ts"])
        assert at >= 0
        track = (pid, name) if phase == "C" else (pid, event["tid"])
        assert at >= last.get((phase == "C", track), 0)
        last[phase == "C", track] = at
        if phase == "C":
            assert event["args"]
            assert all(type(value) in (int, float) for value in event["args"].values())
            read.counters[track].append((at, event["args"]))
            continue
        inside = open_spans[track]
        if phase == "E":
            begun, begin, end = inside.pop()
            assert (begun, end) == (name, None)
            read.spans[track].append((name, begin, at))
            continue
        assert phase in ("X", "B")
        while inside and inside[-1][2] is not None and inside[-1][2] <= at:
            inside.pop()
        end = None if phase == "B" else at + round(1000 * event["dur"])
        assert end is None or end >= at
        assert not inside or inside[-1][2] is None or (end is not None and end <= inside[-1][2])
        inside.append((name, at, end))
        if end is not None:
            read.spans[track].append((name, at, end))
    assert not any(end is None for inside in open_spans.values() for _, _, end in inside)
    assert {pid for pid, _ in (*read.spans, *read.counters)} == read.processes.keys()
    assert read.spans.keys() == read.tracks.keys()
    return read


@pytest.fixture(scope="session")
def read_trace():
    """The function read_trace_strictly."""
    return read_trace_strictly
