"""The event order of a pipeline schedule, task by task."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel


@kernel
def run_pipelines(order, chunks, batches, work_s, wire_s, gate_s, gathers, sums, sum_chunk, met_s, last_s, begun_s):
    """Run the same task order on several pipelines that do not wait for each other.

    order     int64[stages, tasks]: tasks of each stage as they are issued, `kind * n + chunk * batches + batch` with
              n = chunks * batches and kinds 0 forward, 1 backward, 2 weight gradients
    work_s    float64[2, 3, pipelines, chunks, stages]: duration of a task by kind, outside and inside windows
    wire_s    float64[2, 2, pipelines, stages]: outside and inside windows, time on the wire from a stage to the next
              (the last: to the first, next chunk), and to the one before (the first: to the last, previous chunk)
    gate_s    float64[pipelines, chunks, stages]: earliest end of the chunk's first forward
    gathers   float64[stages, n, 2]: begin and end of each time (window) in which a stage exchanges parameters; it slows
              what the stage computes forward, and the messages from and to it that go forward
    sums      float64[pipelines, stages, n, 2]: windows of gradients, which slow all else, counted from when the chunk
              `sum_chunk` (int64[stages, n]; -1: none) of the stage begins its last backward
    met_s     float64[2, 2, pipelines, stages]: filled with the seconds within windows of parameters (0) and gradients
              (1) in which the stage computes (0), and in which it sends or receives (1)
    last_s    float64[pipelines, chunks, stages]: filled with the begin of the last backward
    begun_s   float64[pipelines or 0, stages, tasks, 4]: filled with start and end of each task in issue order, and of
              what it sends (both its end: nothing)

    A stage computes one task at a time and sends one message at a time, while it computes on. Returns
    float64[pipelines, chunks, stages], the end of each chunk's last backward or weight gradients; NaN when the order
    waits for itself.
    """
    pipelines, _, stages = gate_s.shape
    tasks = order.shape[1]
    ended = np.full((pipelines, chunks, stages), np.nan)
    arrived = np.empty((2, chunks, stages, batches))
    at = np.empty(stages, np.int64)
    clock = np.empty(stages)
    wire = np.empty(stages)
    opened = np.empty((2, *sums.shape[1:]))
    met_s[:] = 0.0
    for pipeline in range(pipelines):
        opened[0] = gathers
        opened[1] = np.inf
        arrived[:] = np.inf
        arrived[0, 0, 0, :] = 0.0
        at[:] = 0
        clock[:] = 0.0
        wire[:] = 0.0
        left = stages * tasks
        while left > 0:
            before = left
            for stage in range(stages):
                while at[stage] < tasks:
                    task = order[stage, at[stage]]
                    kind, rest = task // (chunks * batches), task % (chunks * batches)
                    chunk, batch = rest // batches, rest % batches
                    ready = arrived[kind, chunk, stage, batch] if kind < 2 else 0.0
                    if ready == np.inf:
                        break
                    begin = max(clock[stage], ready)
                    if kind == 1 and batch == batches - 1:
                        last_s[pipeline, chunk, stage] = begin
                        for window in range(sums.shape[2]):
                            if sum_chunk[stage, window] == chunk:
                                opened[1, stage, window] = begin + sums[pipeline, stage, window]
                    way = min(kind, 1)
                    own = opened[way, stage]
                    alone, beside = work_s[0, kind, pipeline, chunk, stage], work_s[1, kind, pipeline, chunk, stage]
                    end = through(begin, alone, beside, own, own)
                    if kind == 0 and batch == 0 and gate_s[pipeline, chunk, stage] > end:
                        end = gate_s[pipeline, chunk, stage]
                        met_s[0, 0, pipeline, stage] += gated(end, alone, beside, own)
                    else:
                        met_s[way, 0, pipeline, stage] += within(begin, end, own)
                    sent = sent_by = end
                    last = chunk == chunks - 1 and stage == stages - 1
                    if kind > 0:
                        ended[pipeline, chunk, stage] = end
                    elif last:
                        arrived[1, chunk, stage, batch] = end
                    if (kind == 0 and not last) or (kind == 1 and (chunk > 0 or stage > 0)):
                        step = 1 - 2 * kind
                        receiver = (stage + step) % stages
                        over = step if stage == (1 - kind) * (stages - 1) else 0
                        sent = max(wire[stage], end)
                        alone, beside = wire_s[0, kind, pipeline, stage], wire_s[1, kind, pipeline, stage]
                        other = opened[way, receiver]
                        sent_by = through(sent, alone, beside, own, other)
                        wire[stage] = sent_by
                        met_s[way, 1, pipeline, stage] += within(sent, wire[stage], own)
                        met_s[way, 1, pipeline, receiver] += within(sent, wire[stage], other)
                        arrived[kind, chunk + over, receiver, batch] = wire[stage]
                    if begun_s.shape[0] > 0:
                        begun_s[pipeline, stage, at[stage], 0] = begin
                        begun_s[pipeline, stage, at[stage], 1] = end
                        begun_s[pipeline, stage, at[stage], 2] = sent
                        begun_s[pipeline, stage, at[stage], 3] = sent_by
                    clock[stage] = end
                    at[stage] += 1
                    left -= 1
            if left == before:
                ended[:] = np.nan
                return ended
    return ended


@kernel
def through_each(begin, alone_s, beside_s, windows, stage):
    """`through` for each of some, float64[n], in the windows of their stages, float64[stages, windows, 2]."""
    done = np.empty(len(begin))
    for item in range(len(begin)):
        own = windows[stage[item]]
        done[item] = through(begin[item], alone_s[item], beside_s[item], own, own)
    return done


@kernel
def through(begin, alone_s, beside_s, windows, others):
    """When something that begins then is done: it takes `alone_s` outside all windows (float64[n, 2] each), `beside_s`
    inside."""
    if beside_s <= alone_s:
        return begin + alone_s
    left, now = alone_s, begin
    while True:
        inside, ahead = ahead_of(now, windows, False, np.inf)
        inside, ahead = ahead_of(now, others, inside, ahead)
        pace = alone_s / beside_s if inside else 1.0
        if left <= (ahead - now) * pace:
            return now + left / pace
        left -= (ahead - now) * pace
        now = ahead


@kernel
def ahead_of(now, windows, inside, ahead):
    """Whether a window is open now, and when the next one opens or closes, if not what is given."""
    for window in range(windows.shape[0]):
        opens, closes = windows[window, 0], windows[window, 1]
        if opens > now:
            ahead = min(ahead, opens)
        elif closes > now:
            ahead = min(ahead, closes)
            inside = True
    return inside, ahead


@kernel
def within(begin, end, windows):
    """Seconds from `begin` to `end` that lie in windows."""
    seconds = 0.0
    for window in range(windows.shape[0]):
        seconds += max(0.0, min(end, windows[window, 1]) - max(begin, windows[window, 0]))
    return seconds


@kernel
def gated(end, alone_s, beside_s, windows):
    """Seconds in windows of a task that waited in between and ends then: all but what it does after the last."""
    closes = -np.inf
    for window in range(windows.shape[0]):
        if windows[window, 1] < np.inf:
            closes = max(closes, windows[window, 1])
    after = min(alone_s, max(0.0, end - closes))
    return (alone_s - after) * beside_s / alone_s if alone_s > 0.0 else 0.0
