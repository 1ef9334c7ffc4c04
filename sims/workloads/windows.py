"""The times in which stages exchange buckets of parameters and gradients."""

from __future__ import annotations

import numpy as np

from .durations import Seconds
from .schedule import Windows
from .stages import Buckets, Counts
from .times import Exchange


def windows(buckets: Buckets, collected: Exchange, summed: Exchange, last_s: Seconds) -> Windows:
    """From the exchange of buckets, and the begin of each chunk's last backward, float64[pipelines, chunks, stages]."""
    gathers, sums = (np.stack((each.begun_s, each.done_s)) for each in (collected, summed))
    stages = last_s.shape[2]
    place = _places(buckets.stage, stages)
    most = int(place.max(initial=-1)) + 1
    opened = np.full((stages, most, 2), np.inf)
    counted = np.full((len(last_s), stages, most, 2), np.inf)
    chunk = np.full((stages, most), -1)
    opened[buckets.stage, place] = gathers.T
    counted[:, buckets.stage, place] = sums.T - last_s[:, buckets.chunk, buckets.stage, None]
    chunk[buckets.stage, place] = buckets.chunk
    return Windows(opened, counted, chunk)


def _places(stage: Counts, stages: int) -> Counts:
    """Number of each bucket within its stage; buckets are in the order of stages."""
    count = np.bincount(stage, minlength=stages)
    return np.arange(len(stage)) - np.repeat(np.cumsum(count) - count, count)
