"""Integrals over a log of loads."""

from __future__ import annotations

from ._kernel import kernel


@kernel
def fold(entries, carried, load, since):
    """Integrate the log `entries` (LOAD[l]) into `carried` (float64[m], bits).

    load, since float64[m]: load of each link before the first entry and since when; brought up to date.
    """
    for entry in entries:
        carried[entry.link] += load[entry.link] * (entry.time_s - since[entry.link])
        load[entry.link], since[entry.link] = entry.load, entry.time_s
