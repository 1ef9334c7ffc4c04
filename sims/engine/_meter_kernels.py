"""What each link carries, summed up as its load changes: bytes, busy time, and bytes per bin of time.

A load that stays over several bins leaves one *run*, so what is kept grows with changes, not with links times bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._fluid_kernels import METERED
from ._kernel import inlined, kernel, part

METER = np.dtype(
    [
        ("load", "f8"),  # bit/s ...
        ("since_s", "f8"),  # ... from this time on
        ("carried", "f8"),  # bits until then ...
        ("busy_s", "f8"),  # ... and time with any load
        ("bin_bits", "f8"),  # bits so far in the bin ...
        ("until_s", "f8"),  # ... that ends then ...
        ("bin", "i4"),  # ... and has this number
    ],
    align=True,
)

RUN = np.dtype([("bits", "f8"), ("link", "i4"), ("first", "i4"), ("last", "i4")], align=True)
"""A link that carried `bits` in each of the bins `first` to `last - 1`."""


class Meters(NamedTuple):
    """Of `m` links, or of none."""

    links: np.ndarray  # METER[m]
    runs: np.ndarray  # RUN[r], or RUN[0] for no bins
    size: np.ndarray  # int64[1] of `runs`
    bin_s: np.ndarray  # float64[1] width of a bin


@inlined
def read_meters(state, meters, now):
    """Bring the meters of links whose load may have changed at `now` up to date.

    Returns whether the next event may need more room for runs than there is.
    """
    for number in state.metered[: state.size[METERED]]:
        link = state.links[number]
        link.metered = 0
        load = link.capacity if link.level < np.inf else link.load
        if load != meters.links[number].load:
            _advance(meters, number, now)
            meters.links[number].load = load
    state.size[METERED] = 0
    return 0 < len(meters.runs) < meters.size[0] + 2 * len(meters.links)


@kernel
def close_meters(meters, end):
    """Bring all meters up to `end`, and leave no bin open."""
    for number in range(len(meters.links)):
        _advance(meters, number, end)
        meters.links[number].load = 0.0
        if len(meters.runs):
            _leave_bin(meters, number)


@inlined
def _advance(meters, number, now):
    meter = meters.links[number]
    begin, meter.since_s = meter.since_s, now
    if meter.load == 0.0:
        return
    bits = meter.load * (now - begin)
    meter.carried += bits
    meter.busy_s += now - begin
    if len(meters.runs):
        if begin >= meter.until_s:
            _leave_bin(meters, number)
            _enter_bin(meters, number, begin)
        if now < meter.until_s:
            meter.bin_bits += bits
        else:
            _cross_bins(meters, number, begin, now)


@part
def _cross_bins(meters, number, begin, now):
    """Fill the open bin from `begin` on and those that end by `now`; leave that of `now` open."""
    meter, width = meters.links[number], meters.bin_s[0]
    meter.bin_bits += meter.load * (meter.until_s - begin)
    following = meter.bin + 1
    _leave_bin(meters, number)
    _enter_bin(meters, number, now)
    if following < meter.bin:
        _add_run(meters, number, following, meter.bin, meter.load * width)
    meter.bin_bits = meter.load * max(0.0, now - meter.bin * width)


@inlined
def _enter_bin(meters, number, time):
    meter, width = meters.links[number], meters.bin_s[0]
    meter.bin = int(time / width)
    meter.until_s = (meter.bin + 1) * width


@inlined
def _leave_bin(meters, number):
    meter = meters.links[number]
    if meter.bin_bits > 0.0:
        _add_run(meters, number, meter.bin, meter.bin + 1, meter.bin_bits)
        meter.bin_bits = 0.0


@inlined
def _add_run(meters, number, first, last, bits):
    run = meters.runs[meters.size[0]]
    run.bits, run.link, run.first, run.last = bits, number, first, last
    meters.size[0] += 1


@kernel
def fill_bins(runs, bins):
    """Add runs (RUN[r]) to bins (float64[m, b])."""
    for run in runs:
        for i in range(run.first, run.last):
            bins[run.link, i] += run.bits
