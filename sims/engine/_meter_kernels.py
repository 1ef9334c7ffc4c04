"""What each link carries, summed up before its load changes: bits and busy time, in bins of time.

A load that stays over several bins leaves one *run*, so what is kept grows with changes, not with links times bins.
"""

from __future__ import annotations

import numpy as np

from ._fluid_kernels import RUNS
from ._kernel import inlined, kernel, part

METER = np.dtype(
    [
        ("since_s", "f8"),  # all until then is counted
        ("until_s", "f8"),  # end of the open bin ...
        ("bin_bits", "f8"),  # ... and bits so far in it
        ("busy_s", "f8"),  # time with any load, in all bins
    ],
    align=True,
)

RUN = np.dtype([("bits", "f8"), ("more_bits", "f8"), ("link", "i4"), ("first", "i4"), ("last", "i4")], align=True)
"""A link that carried `bits` in bin `first`, and `more_bits` in each one after it until `last`."""


@inlined
def meter(state, number, now):
    """Count what link `number` has carried until `now`: to be called before its load changes."""
    if len(state.meters):
        link = state.links[number]
        count(state, number, link.capacity if link.level < np.inf else link.load, now)


@inlined
def count(state, number, load, now):
    """Count a load (bit/s) that link `number` has had for as long as it was not counted."""
    gauge = state.meters[number]
    if now >= gauge.until_s:
        _next_bin(state.meters, state.runs, state.size, state.bin_s, number, load, now)
    if load > 0.0:
        lasted_s = now - gauge.since_s
        gauge.bin_bits += load * lasted_s
        gauge.busy_s += lasted_s
    gauge.since_s = now


@part
def _next_bin(meters, runs, size, bin_s, number, load, now):
    """Close the open bin and those that end by `now`, open that of `now`."""
    gauge, width = meters[number], bin_s[0]
    first, opened = int(gauge.until_s * bin_s[1] - 0.5), int(now * bin_s[1])
    begin = min(opened * width, now)
    _add_run(runs, size, number, gauge.bin_bits + load * (gauge.until_s - gauge.since_s), load * width, first, opened)
    if load > 0.0:
        gauge.busy_s += begin - gauge.since_s
    gauge.since_s, gauge.until_s, gauge.bin_bits = begin, (opened + 1) * width, 0.0


@inlined
def _add_run(runs, size, number, bits, more_bits, first, end):
    """Note `bits` in bin `first`, and `more_bits` in those after it before bin `end`."""
    run = runs[size[RUNS]]
    run.bits, run.more_bits, run.link, run.first, run.last = bits, more_bits, number, first, end - 1
    size[RUNS] += int(bits + more_bits > 0.0)


@kernel
def close_meters(state):
    """Leave no bin open, when no link has a load any more."""
    for number in range(len(state.meters)):
        gauge = state.meters[number]
        first = int(gauge.until_s * state.bin_s[1] - 0.5)
        _add_run(state.runs, state.size, number, gauge.bin_bits, 0.0, first, first + 1)


@kernel
def fill_bins(runs, bins):
    """Add runs (RUN[r]) to bins (float64[m, b])."""
    for run in runs:
        bins[run.link, run.first] += run.bits
        for i in range(run.first + 1, run.last + 1):
            bins[run.link, i] += run.more_bits
