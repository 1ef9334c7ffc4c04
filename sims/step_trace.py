"""A step in the Trace Event Format that Perfetto and Chrome show: one process per pipeline stage with a track for each
stream of its GPUs, and one process for the hot links with a counter of each one's load.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..fabric.files import replacing
from .link_loads import LinkOverTime
from .timeline import STREAMS, Slice
from .timeline_layers import WITHIN

ASSUMPTIONS = (
    "Of replicas that run alike, and of the GPUs of a stage, one stands for all: the slowest replica's.",
    "What slows a task (a slow GPU, parameters that are waited for) stretches its layers evenly.",
    f"'{WITHIN}' stands for messages that are not told apart: those of ZeRO-3, and where layers are too many those of"
    " all micro-batches but the first.",
    "A link's load is that of all replicas, taken to run as the one that is shown; each message loads it evenly."
    " Where messages overlap that were timed without each other it can be above 1.",
)

Event = dict[str, Any]


def write_trace(path: str | Path, gpus: int, slices: Iterable[Slice], links: Sequence[LinkOverTime]) -> None:
    """Write `slices` of a step of `gpus` GPUs and the loads of `links`; times to the nanosecond. Raises InputError when
    the file cannot be written."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit":"ms","otherData":')
        json.dump({"assumptions": ASSUMPTIONS}, file)
        file.write(',"traceEvents":[')
        for number, event in enumerate(_events(gpus, slices, links)):
            file.write(",\n" if number else "\n")
            json.dump(event, file, separators=(",", ":"))
        file.write("\n]}\n")


def _events(gpus: int, slices: Iterable[Slice], links: Sequence[LinkOverTime]) -> Iterator[Event]:
    timed = sorted(
        (each.stage, each.stream, begin, -end, number, each)
        for number, each in enumerate(slices)
        for begin, end in [(_ns(each.begin_s), _ns(each.end_s))]
        if end > begin
    )
    stages = 1 + max(stage for stage, *_ in timed)
    for stage in range(stages):
        yield _named("process_name", f"stage {stage}, {gpus // stages} GPUs", stage, 0)
    for stage, stream in sorted({(stage, stream) for stage, stream, *_ in timed}):
        yield _named("thread_name", STREAMS[stream], stage, stream)
    for stage, stream, begin, end, _, each in timed:
        yield {
            **{"ph": "X", "pid": stage, "tid": stream, "name": each.what},
            **{"ts": begin / 1000, "dur": (-end - begin) / 1000},
            **({"args": {"micro-batch": each.batch, "chunk": each.chunk}} if each.batch >= 0 else {}),
        }
    if links:
        yield _named("process_name", "hot links: load", stages, 0)
    for link in links:
        yield from _counter(link, stages)


def _named(what: str, name: str, process: int, track: int) -> Event:
    return {"ph": "M", "pid": process, "tid": track, "name": what, "args": {"name": name}}


def _counter(link: LinkOverTime, process: int) -> Iterator[Event]:
    """Its load wherever it changes."""
    before = None
    for at_s, load in zip(link.at_s.tolist(), link.load.round(4).tolist(), strict=True):
        if load != before:
            before = load
            yield {
                **{"ph": "C", "pid": process, "tid": 0, "name": link.name},
                **{"ts": _ns(at_s) / 1000, "args": {"load": load}},
            }


def _ns(time_s: float) -> int:
    return round(1e9 * time_s)
