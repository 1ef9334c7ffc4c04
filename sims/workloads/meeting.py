"""Where kinds of communication meet in a step, and what that does to their pace.

Three streams of a stage issue messages, each one after another: computing, the pipeline, and the exchange of gradients
and parameters. While several are in flight, each has the pace that `LinkSharing` gives it. The exchange of buckets is
in flight at known times, and meets what the stage computes and sends then. What has no times of its own (messages
between two layers; those of the pipeline; under ZeRO-3 those of the exchange) meets others by chance: each stream is in
flight for its share of the time. So all bytes are moved, and where all use one link the time lost is that of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from .durations import Durations, Seconds
from .issued import ByKind, Issued
from .link_sharing import BACK, COMPUTING, EXCHANGE, HOP, PIPELINE, Kind, LinkSharing, stream
from .plan import StepPlan
from .schedule import TaskTimes, Windows
from .times import BucketSeconds, Exchange, Pace, StepTimes
from .windows import windows

Shares = Mapping[Kind, Seconds]
"""The share of some time in which each kind is in flight, of the whole job, or float64[stages]."""


def lone_pace(plan: StepPlan, durations: Durations, pipelines: int) -> Pace:
    """Kinds that never meet."""
    collects, sums = (
        np.array([durations.seconds(messages) for messages in each])
        for each in (plan.buckets.collects, plan.buckets.sums)
    )
    return Pace(
        clear=durations,
        gathering=durations,
        summing=durations,
        collects=BucketSeconds(collects, collects),
        sums=BucketSeconds(sums, sums),
        until_s=np.zeros(plan.job.pp),
        windows=Windows.none(pipelines, plan.job.pp),
    )


@dataclass(frozen=True)
class Meeting:
    """The kinds of communication of a step; `durations` are those of each alone."""

    plan: StepPlan
    durations: Durations
    issued: Issued

    @staticmethod
    def of(plan: StepPlan, durations: Durations) -> Meeting:
        return Meeting(plan, durations, Issued.of(plan, durations))

    def pace(self, times: StepTimes) -> Pace:
        """The pace by what met in a run of the step."""
        chances, buckets = self._chances(times), self.plan.buckets
        if not (self.plan.job.overlap and len(buckets)):
            clear = chances.slowed(self.durations, chances.exchanged, chances.exchanging)
            return replace(times.pace, clear=clear, gathering=clear, summing=clear)
        gathers, sums = (_mix(each) for each in (self.issued.collects, self.issued.sums))
        before, met_s = times.pace, times.ran.met_s.max(axis=2)
        until_s = times.ends_s.max(axis=(0, 1)) + before.summing.back_s.max(axis=0)
        forward_s, backward_s = _task_s(times.beside)
        computing = (
            _met(self.issued.forward, before.gathering, forward_s, met_s[0, 0]),
            _met(self.issued.backward, before.summing, backward_s, met_s[1, 0]),
        )
        collected, summed = times.collected, times.summed
        return Pace(
            clear=chances.slowed(self.durations, {}, {}),
            gathering=chances.slowed(self.durations, gathers, gathers),
            summing=chances.slowed(self.durations, sums, sums),
            collects=self._slowed(self.issued.collects, collected, until_s, computing[0], {HOP: met_s[0, 1]}),
            sums=self._slowed(self.issued.sums, summed, until_s, computing[1], {BACK: met_s[1, 1]}),
            until_s=until_s,
            windows=windows(buckets, collected, summed, times.ran.last_s),
        )

    def _chances(self, times: StepTimes) -> _Chances:
        """Over all stages, by what one micro-batch brings."""
        job, slow = self.plan.job, times.pace.clear.slow
        computed = _plus(_slower(self.issued.forward, slow), _slower(self.issued.backward, slow))
        exchanged = _slower(self.issued.units, slow)
        hop_s, back_s = times.tasks.hop.mean(axis=0), times.tasks.back.mean(axis=0)
        sent = {HOP: job.vp * hop_s.sum() - hop_s[-1], BACK: job.vp * back_s.sum() - back_s[0]}
        task_s, whole_s = sum(_task_s(times.tasks)), float(times.ends_s.max()) * job.pp / job.micro_batches
        return _Chances(
            *(_over(each, task_s) for each in (computed, exchanged)),
            *(_over(each, whole_s) for each in (computed, exchanged, sent)),
        )

    def _slowed(
        self, issued: Mapping[Kind, Seconds], exchange: Exchange, until_s: Seconds, computed_s: Shares, sent_s: Shares
    ) -> BucketSeconds:
        """Seconds of buckets beside what their stage computes and sends, by the seconds of that while they are in
        flight."""
        stage = self.plan.buckets.stage
        flown_s = np.maximum(0.0, np.minimum(exchange.done_s, until_s[stage]) - exchange.begun_s)
        in_flight_s = np.bincount(stage, flown_s, len(until_s)).astype(np.float64)
        others = _over(computed_s, in_flight_s), _over(sent_s, in_flight_s)
        alone, beside = np.zeros(len(stage)), np.zeros(len(stage))
        for kind, seconds in issued.items():
            alone += seconds
            beside += seconds * np.broadcast_to(slower(self.durations.sharing, kind, *others), until_s.shape)[stage]
        return BucketSeconds(alone, beside)


@dataclass(frozen=True)
class _Chances:
    """Shares of the time of tasks, in which computing waits (`computed`) and units are exchanged (`exchanged`), and of
    the whole step, in which these (`computing`, `exchanging`) and the pipeline's messages (`sent`) are in flight."""

    computed: Shares
    exchanged: Shares
    computing: Shares
    exchanging: Shares
    sent: Shares

    def slowed(self, durations: Durations, beside_tasks: Shares, beside_all: Shares) -> Durations:
        """Durations beside an exchange that is in flight for these shares of the time of tasks, and of the step."""
        others = {
            COMPUTING: (self.sent, beside_tasks),
            PIPELINE: (self.computing, beside_all),
            EXCHANGE: (self.computed, self.sent) if self.exchanged else ({}, {}),
        }
        sharing = durations.sharing
        return durations.slowed({kind: float(slower(sharing, kind, *others[stream(kind)])) for kind in sharing.kinds})


def slower(sharing: LinkSharing, kind: Kind, one: Shares, other: Shares) -> Seconds:
    """How many times as long `kind` takes where two other streams are in flight for these shares of the time."""
    lost: Seconds = np.zeros(())
    for first, first_share in _with_nothing(one):
        for second, second_share in _with_nothing(other):
            rate = sharing.rate(kind, first, second)
            if rate < 1.0:
                lost = lost + first_share * second_share * (1.0 - rate)
    return np.asarray(1.0 / (1.0 - lost))


def _with_nothing(shares: Shares) -> Iterator[tuple[Kind | None, Seconds]]:
    """The shares, and that of the time in which none is in flight."""
    total = np.asarray(sum(shares.values()))
    most = np.maximum(total, 1.0)
    yield None, 1.0 - total / most
    for kind, share in shares.items():
        yield kind, share / most


def _over(seconds: Mapping[Kind, Seconds | float], total_s: Seconds | float) -> Shares:
    """Shares of a time; of no time, none."""
    total = np.asarray(total_s, dtype=np.float64)
    return {kind: np.divide(each, total, out=np.zeros(total.shape), where=total > 0) for kind, each in seconds.items()}


def _slower(issued: ByKind, slow: Mapping[Kind, float]) -> dict[Kind, float]:
    return {kind: seconds * slow.get(kind, 1.0) for kind, seconds in issued.items()}


def _plus(one: Mapping[Kind, float], other: Mapping[Kind, float]) -> dict[Kind, float]:
    return {kind: one.get(kind, 0.0) + other.get(kind, 0.0) for kind in {**one, **other}}


def _met(issued: ByKind, beside: Durations, task_s: float, met_s: Seconds) -> Shares:
    """Seconds of each kind in as many seconds of tasks as met the exchange, float64[stages]."""
    return {kind: share * met_s for kind, share in _over(_slower(issued, beside.slow), task_s).items()}


def _task_s(times: TaskTimes) -> tuple[float, float]:
    """Seconds of a micro-batch forward and backward, summed over the stages."""
    forward, backward, weights = (
        float(each.mean(axis=0).sum()) for each in (times.forward, times.backward, times.weights)
    )
    return forward, backward + weights


def _mix(issued: Mapping[Kind, Seconds]) -> Shares:
    """Shares of the time in which any bucket is exchanged."""
    seconds = {kind: float(each.sum()) for kind, each in issued.items()}
    return _over(seconds, sum(seconds.values()))
