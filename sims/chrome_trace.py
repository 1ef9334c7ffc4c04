"""A run of flows in the Trace Event Format that Chrome (about:tracing) and Perfetto show.

One process per sender; flows that overlap in time lie in lanes (threads) of their own, as slices of one thread must
nest. The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import numpy as np

from ..fabric.files import replacing
from .traffic_result import TrafficResult

_US_PER_S = 1e6

Event = dict[str, Any]


def write_trace(path: str | Path, result: TrafficResult) -> None:
    """Write the flows of `result` as a trace, in order of sender and start. Raises InputError: no place to write."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit":"ns","traceEvents":[')
        for number, event in enumerate(trace_events(result)):
            file.write(",\n" if number else "\n")
            json.dump(event, file, separators=(",", ":"))
        file.write("\n]}\n")


def trace_events(result: TrafficResult) -> Iterator[Event]:
    """A name per sender, a slice per flow; times in microseconds, as the format wants."""
    senders, process = np.unique(result.src.astype(str), return_inverse=True)
    order = np.lexsort((result.start_s, process))
    lanes = _Lanes()
    begun, opened = -1, 0
    for flow in order.tolist():
        pid = int(process[flow])
        if pid != begun:
            begun, opened, lanes = pid, 0, _Lanes()
            yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": str(senders[pid])}}
        start_s, finish_s = float(result.start_s[flow]), float(result.finish_s[flow])
        lane = lanes.take(start_s, finish_s)
        if lane == opened:
            opened += 1
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": lane, "args": {"name": f"lane {lane}"}}
        yield {
            "ph": "X",
            "name": f"to {result.dst[flow]}",
            "cat": "flow",
            "pid": pid,
            "tid": lane,
            "ts": start_s * _US_PER_S,
            "dur": (finish_s - start_s) * _US_PER_S,
            "args": {
                "flow": str(result.flow[flow]),
                "bytes": int(result.size_bytes[flow]),
                "rate_bps": float(result.rate_bps[flow]),
            },
        }


class _Lanes:
    """Lanes of one sender: each flow, by rising start, takes the lane that has been free for longest."""

    def __init__(self) -> None:
        self._free_s: list[tuple[float, int]] = []

    def take(self, start_s: float, finish_s: float) -> int:
        lane = len(self._free_s)
        if self._free_s and self._free_s[0][0] <= start_s:
            _, lane = heappop(self._free_s)
        heappush(self._free_s, (finish_s, lane))
        return lane
