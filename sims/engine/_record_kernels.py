"""Integrals over a log of loads."""

from __future__ import annotations

from ._kernel import kernel


@kernel
def fold(entries, load, since, carried, busy, bins, resolution):
    """Integrate the log `entries` (LOAD[l]) of `m` links, all times in s.

    load (bit/s), since float64[m]: load of each link before the first entry and from when; brought up to date.
    carried (bits), busy (s) float64[m]: added to. bins float64[m, b] (bits per `resolution`), or [m, 0] for none.
    """
    for entry in entries:
        link = entry.link
        begin, end = since[link], entry.time_s
        carried[link] += load[link] * (end - begin)
        if load[link] > 0.0:
            busy[link] += end - begin
            if bins.shape[1]:
                _spread_over(bins[link], load[link], begin, end, resolution)
        load[link], since[link] = entry.load, entry.time_s


@kernel
def _spread_over(bins, load, begin, end, resolution):
    """Add a constant load from `begin` to `end` to the bins it meets."""
    first, last = int(begin / resolution), min(int(end / resolution), len(bins) - 1)
    for i in range(first, last + 1):
        met = min(end, (i + 1) * resolution) - max(begin, i * resolution)
        bins[i] += load * max(0.0, met)
