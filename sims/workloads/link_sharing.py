"""Kinds of communication that are in flight at the same time and share links.

Alone, a kind keeps a link busy for some share of its time. Where the shares of those in flight together add up to more
than 1 on a link, each gets an equal part of it and leaves what it cannot use (max-min fair, Bertsekas & Gallager 1992,
section 6.5.2); all of a kind's transfers advance at the pace of its slowest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...fabric.errors import InternalError
from .work import DATA, DIMENSION_OF, EXPERT_DATA, REPLICAS, SHARD

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

Kind = tuple[str, str]
"""Operation and kind of group; what the pipeline sends is HOP to the next stage and BACK to the one before."""

HOP, BACK = ("send-recv", "next stage"), ("send-recv", "previous stage")
HOPS = (HOP, BACK)
COMPUTING, PIPELINE, EXCHANGE = "computing", "pipeline", "exchange"
EXCHANGED = (DATA, EXPERT_DATA, SHARD, REPLICAS)

_SLACK = 1e-9
_MOST_ROUNDS = 1000


@dataclass(frozen=True)
class LinkUse:
    """The share of a call's time in which each of `links` (directed) is busy; other links are idle."""

    links: Ids
    busy: Floats

    @staticmethod
    def of(busy_s: Floats, time_s: float) -> LinkUse:
        """From the seconds per link of the fabric in a call of `time_s`."""
        links = np.flatnonzero(busy_s) if time_s > 0 else np.empty(0, dtype=np.int64)
        return LinkUse(links, np.minimum(busy_s[links] / time_s, 1.0) if time_s > 0 else np.empty(0))

    @staticmethod
    def mean(uses: Sequence[tuple[float, LinkUse]]) -> LinkUse:
        """The mean of several, each with its weight."""
        total = sum(weight for weight, _ in uses)
        if not total > 0:
            return LinkUse(np.empty(0, dtype=np.int64), np.empty(0))
        busy = np.zeros(1 + max(int(use.links.max(initial=-1)) for _, use in uses))
        for weight, use in uses:
            busy[use.links] += weight / total * use.busy
        links = np.flatnonzero(busy)
        return LinkUse(links, busy[links])


def stream(kind: Kind) -> str:
    """What issues messages of this kind, one after another: COMPUTING, the PIPELINE, or the EXCHANGE of gradients and
    parameters. Only kinds of different streams are in flight together."""
    if kind in HOPS:
        return PIPELINE
    return EXCHANGE if kind[1] in EXCHANGED else COMPUTING


def dimension(kind: Kind) -> str:
    """The parallel dimension that a kind is reported under."""
    return "pp" if kind in HOPS else DIMENSION_OF.get(kind[1], kind[1])


@dataclass(frozen=True)
class LinkSharing:
    """What kinds do to one another. `busy[row, kind]`: the shares of links alone, one row for all links that are alike,
    only of those that can be short."""

    kinds: tuple[Kind, ...] = ()
    busy: Floats = field(default_factory=lambda: np.empty((0, 0)))
    known: dict[tuple[Kind | None, ...], float] = field(default_factory=dict)

    @staticmethod
    def of(uses: Mapping[Kind, LinkUse]) -> LinkSharing:
        kinds = tuple(uses)
        links = 1 + max((int(use.links.max(initial=-1)) for use in uses.values()), default=-1)
        busy = np.zeros((links, len(kinds)))
        for column, use in enumerate(uses.values()):
            busy[use.links, column] = use.busy
        return LinkSharing(kinds, _alike(busy[_can_be_short(busy, kinds)]))

    @property
    def idle(self) -> bool:
        """Whether no kind slows another."""
        return not len(self.busy)

    def rate(self, kind: Kind, *others: Kind | None) -> float:
        """The pace of `kind` while `others` (None: nothing) are in flight, 1 being its own alone."""
        asked = kind, *others
        if asked not in self.known:
            together = [each for each in self.kinds if each in asked]
            busy = self.busy[:, [self.kinds.index(each) for each in together]]
            pace = equal_parts(busy)
            audit(busy, pace)
            self.known[asked] = float(pace[together.index(kind)]) if kind in together else 1.0
        return self.known[asked]


def _can_be_short(busy: Floats, kinds: tuple[Kind, ...]) -> npt.NDArray[np.bool_]:
    """Links that kinds of different streams together can ask more of than they have."""
    streams = np.array([stream(kind) for kind in kinds])
    most = [busy[:, streams == each].max(axis=1) for each in sorted(set(streams.tolist()))]
    asked = np.sum(most, axis=0) if most else np.zeros(len(busy))
    return np.asarray(asked > 1 + _SLACK)


def _alike(busy: Floats) -> Floats:
    """The different rows."""
    return np.unique(np.round(busy, 12), axis=0) if len(busy) else busy


def equal_parts(busy: Floats) -> Floats:
    """The pace of each kind, float64[kinds], on links of which they keep `busy` (float64[links, kinds]) alone: kind
    after kind takes what the others leave it, until nothing changes."""
    pace = np.ones(busy.shape[1])
    if not (busy.sum(axis=1) > 1 + _SLACK).any():
        return pace
    users = [busy[:, kind] > _SLACK for kind in range(len(pace))]
    for _ in range(_MOST_ROUNDS):
        before = pace.copy()
        for kind, uses in enumerate(users):
            taken = (busy[uses] * pace)[:, np.arange(len(pace)) != kind]
            pace[kind] = min(1.0, (_part(taken) / busy[uses, kind]).min(initial=1.0))
        if np.abs(pace - before).max() <= 1e-14:
            break
    return pace


def _part(taken: Floats) -> Floats:
    """What a kind that takes all it gets has of each link beside others that can use `taken` (float64[links,
    others])."""
    sharers = 1 + taken.shape[1]
    left = np.ones(len(taken))
    part = left / sharers
    for less in np.sort(taken, axis=1).T:
        left, sharers = left - less, sharers - 1
        part = np.maximum(part, left / sharers)
    return part


def audit(busy: Floats, pace: Floats) -> None:
    """Raise InternalError unless no link carries more than it can, and each kind that is slowed has a full link on
    which none has more."""
    load = busy * pace
    total, tolerance = load.sum(axis=1), 1e-6
    if (total > 1 + tolerance).any():
        raise InternalError("kinds of communication together load a link beyond its capacity")
    full = total >= 1 - tolerance
    bottleneck = full[:, None] & (busy > 0) & (load >= load.max(axis=1, initial=0.0)[:, None] - tolerance)
    if ((pace < 1 - tolerance) & ~bottleneck.any(axis=0)).any():
        raise InternalError("a kind of communication is slowed without a bottleneck")
