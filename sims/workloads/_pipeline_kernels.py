"""The event order of a pipeline schedule, task by task."""

from __future__ import annotations

import numpy as np

from ...fabric.kernels import kernel


@kernel
def run_pipelines(order, chunks, batches, forward_s, backward_s, weights_s, hop_s, back_s, gate_s, begun_s):
    """Run the same task order on several pipelines that do not wait for each other.

    order       int64[stages, tasks]: tasks of each stage as they are issued, `kind * n + chunk * batches + batch` with
                n = chunks * batches and kinds 0 forward, 1 backward, 2 weight gradients
    forward_s   float64[pipelines, chunks, stages], backward_s, weights_s alike: duration of a task
    hop_s       float64[pipelines, stages]: time on the wire from a stage to the next (the last: to the first, next
                chunk)
    back_s      float64[pipelines, stages]: from a stage to the one before it (the first: to the last, previous chunk)
    gate_s      float64[pipelines, chunks, stages]: earliest end of the chunk's first forward
    begun_s     float64[pipelines or 0, stages, tasks]: filled with the start of each task in issue order

    A stage computes one task at a time and sends one message at a time, while it computes on. Returns
    float64[pipelines, chunks, stages], the end of each chunk's last backward or weight gradients; NaN when the order
    waits for itself.
    """
    pipelines, _, stages = forward_s.shape
    tasks = order.shape[1]
    ended = np.full((pipelines, chunks, stages), np.nan)
    ahead = np.empty((chunks, stages, batches))
    behind = np.empty((chunks, stages, batches))
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
                    kind, rest = task // (chunks * batches), task % (chunks * batches)
                    chunk, batch = rest // batches, rest % batches
                    ready = 0.0
                    if kind == 0:
                        ready = ahead[chunk, stage, batch]
                    elif kind == 1:
                        ready = behind[chunk, stage, batch]
                    if ready == np.inf:
                        break
                    begin = max(clock[stage], ready)
                    if kind == 0:
                        end = begin + forward_s[pipeline, chunk, stage]
                        if batch == 0:
                            end = max(end, gate_s[pipeline, chunk, stage])
                        if stage < stages - 1 or chunk < chunks - 1:
                            wire[stage] = max(wire[stage], end) + hop_s[pipeline, stage]
                            over = 0 if stage < stages - 1 else 1
                            ahead[chunk + over, (stage + 1) % stages, batch] = wire[stage]
                        else:
                            behind[chunk, stage, batch] = end
                    elif kind == 1:
                        end = begin + backward_s[pipeline, chunk, stage]
                        ended[pipeline, chunk, stage] = end
                        if stage > 0 or chunk > 0:
                            wire[stage] = max(wire[stage], end) + back_s[pipeline, stage]
                            over = 0 if stage > 0 else 1
                            behind[chunk - over, (stage - 1) % stages, batch] = wire[stage]
                    else:
                        end = begin + weights_s[pipeline, chunk, stage]
                        ended[pipeline, chunk, stage] = end
                    if begun_s.shape[0] > 0:
                        begun_s[pipeline, stage, at[stage]] = begin
                    clock[stage] = end
                    at[stage] += 1
                    left -= 1
            if left == before:
                ended[:] = np.nan
                return ended
    return ended
