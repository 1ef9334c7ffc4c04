"""What the streams of a stage issue in a step, by kind of communication: seconds of each alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .durations import Durations, Seconds, unit_exchange
from .exchange import Messages
from .link_sharing import Kind
from .plan import StepPlan
from .work import Message

ByKind = Mapping[Kind, float]


@dataclass(frozen=True)
class Issued:
    """Of a micro-batch, summed over the stages, what computing waits for `forward` and `backward`, and what is
    exchanged beside it, unit by unit (`units`, ZeRO-3); of the step, its buckets, float64[buckets] by kind."""

    forward: ByKind
    backward: ByKind
    units: ByKind
    collects: Mapping[Kind, Seconds]
    sums: Mapping[Kind, Seconds]

    @staticmethod
    def of(plan: StepPlan, durations: Durations) -> Issued:
        held = plan.held.sum(axis=(0, 1)).tolist()

        def computed(*parts: str) -> ByKind:
            sent = [[each for part in parts for each in unit.messages(part)] for unit in plan.timed]
            return _by_kind(durations, zip(held, sent, strict=True))

        units = [unit_exchange(plan.job, unit) if plan.job.overlap else () for unit in plan.units.kinds]
        return Issued(
            computed("forward"),
            computed("backward", "weights"),
            _by_kind(durations, zip(held, units, strict=True)),
            _of_buckets(durations, plan.buckets.collects),
            _of_buckets(durations, plan.buckets.sums),
        )


def _by_kind(durations: Durations, sent: Iterable[tuple[int, Sequence[Message]]]) -> ByKind:
    """Seconds of messages that are sent so many times."""
    counted: Counter[Message] = Counter()
    for number, messages in sent:
        for message in messages:
            counted[message] += number
    seconds: dict[Kind, float] = {}
    for message, count in counted.items():
        seconds[message.kind] = seconds.get(message.kind, 0.0) + count * durations.messages[message]
    return seconds


def _of_buckets(durations: Durations, buckets: Sequence[Messages]) -> dict[Kind, Seconds]:
    """Seconds of each bucket."""
    seconds: dict[Kind, Seconds] = {}
    for bucket, messages in enumerate(buckets):
        for message in messages:
            seconds.setdefault(message.kind, np.zeros(len(buckets)))[bucket] += durations.messages[message]
    return seconds
