"""The event order of a pipeline schedule, task by task."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel


@kernel
def run_pipelines(order, forward_s, backward_s, hop_s, back_s, gate_s):
    """Run the same task order on several pipelines that do not wait for each other.

    order       int64[stages, 2 * chunks * micro_batches]: tasks of each stage as they are issued; `chunk *
    micro_batches + i` is the forward of micro-batch i, `-1 - (...)` its backward forward_s   float64[pipelines,
    chunks, stages], backward_s alike: duration of a task hop_s       float64[pipelines, stages]: time on the wire
    from a stage to the next (the last: to the first, next chunk) back_s      float64[pipelines, stages]: from a stage
    to the one before it (the first: to the last, previous chunk) gate_s      float64[pipelines, chunks, stages]:
    earliest end of the chunk's first forward

    A stage computes one task at a time and sends one message at a time, while it computes on. Returns
    float64[pipelines, chunks, stages], the end of each chunk's last backward; NaN when the order waits for itself.
    """
    pipelines, chunks, stages = forward_s.shape
    tasks = order.shape[1]
    micro_batches = tasks // (2 * chunks)
    ended = np.full((pipelines, chunks, stages), np.nan)
    ahead = np.empty((chunks, stages, micro_batches))
    behind = np.empty((chunks, stages, micro_batches))
    at = np.empty(stages, np.int64)
    clock = np.empty(stages)
    wire = np.empty(stages)
    for pipeline in range(pipelines):
        ahead[:] = np.inf
        ahead[0, 0, :] = 0.0
        behind[:] = np.inf
        at[:] = 0
        clock[:] = 0.0
        wire[:] = 0.0
        left = stages * tasks
        while left > 0:
            before = left
            for stage in range(stages):
                while at[stage] < tasks:
                    task = order[stage, at[stage]]
                    forward = task >= 0
                    if not forward:
                        task = -1 - task
                    chunk, batch = task // micro_batches, task % micro_batches
                    ready = ahead[chunk, stage, batch] if forward else behind[chunk, stage, batch]
                    if ready == np.inf:
                        break
                    begin = max(clock[stage], ready)
                    if forward:
                        end = begin + forward_s[pipeline, chunk, stage]
                        if batch == 0:
                            end = max(end, gate_s[pipeline, chunk, stage])
                        if stage < stages - 1 or chunk < chunks - 1:
                            wire[stage] = max(wire[stage], end) + hop_s[pipeline, stage]
                            over = 0 if stage < stages - 1 else 1
                            ahead[chunk + over, (stage + 1) % stages, batch] = wire[stage]
                        else:
                            behind[chunk, stage, batch] = end
                    else:
                        end = begin + backward_s[pipeline, chunk, stage]
                        ended[pipeline, chunk, stage] = end
                        if stage > 0 or chunk > 0:
                            wire[stage] = max(wire[stage], end) + back_s[pipeline, stage]
                            over = 0 if stage > 0 else 1
                            behind[chunk - over, (stage - 1) % stages, batch] = wire[stage]
                    clock[stage] = end
                    at[stage] += 1
                    left -= 1
            if left == before:
                ended[:] = np.nan
                return ended
    return ended
