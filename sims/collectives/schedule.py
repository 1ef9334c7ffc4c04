"""What a collective wants done: phases of transfers, as arrays, repeats kept as repeats, and the data they move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...fabric.errors import WorkloadError
from ...fabric.routing import Paths

Indices = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moves:
    """Which data the transfers of a phase carry in one round; one entry per transfer and piece.

    A piece is `part` of `block`: the block says whose data it is (see `semantics`), parts number what it is cut into.
    `share` is the piece's fraction of the collective's size. Moves of one `stage` happen at once, after those of the
    stages before: stages are the way of one piece through a phase that has everything in flight. The receiver `adds`
    the piece to its own, or puts it in its place.
    """

    transfer: Indices
    block: Indices
    part: Indices
    share: Floats
    stage: Indices
    adds: npt.NDArray[np.bool_]

    @staticmethod
    def of(
        transfer: npt.ArrayLike,
        block: npt.ArrayLike,
        share: npt.ArrayLike,
        part: npt.ArrayLike = 0,
        adds: npt.ArrayLike = False,
        stage: npt.ArrayLike = 0,
    ) -> Moves:
        """From arrays that broadcast to one another."""
        columns = (np.asarray(column) for column in (transfer, block, part, share, stage, adds))
        return Moves(*(column.ravel() for column in np.broadcast_arrays(*columns)))

    @staticmethod
    def joined(several: Sequence[Moves]) -> Moves:
        names = Moves.__dataclass_fields__
        return Moves(*(np.concatenate([getattr(moves, name) for moves in several]) for name in names))


@dataclass(frozen=True)
class Traffic:
    """Transfers that run at once; each of `repeats` rounds begins when the one before has ended.

    Per transfer: `src` and `dst` (ranks, or SWITCH) and `fraction` of the collective's size that it carries in one
    round, at most. `steps` counts the messages that wait for one another, so the latencies paid: the rounds, or the
    depth of a pipeline. `routes` are the transfers' links where the algorithm chooses them, and not the routing; a
    step then passes `hops` of them one after the other.
    """

    src: Ranks
    dst: Ranks
    fraction: Floats
    repeats: int
    steps: int
    routes: Paths | None = None
    hops: int = 1


@dataclass(frozen=True, kw_only=True)
class Phase(Traffic):
    """Traffic and its meaning: `moves(r)` is what it carries in round r, asked for only where it is to be proven."""

    moves: Callable[[int], Moves]


Schedule = tuple[Phase, ...]
"""Phases one after the other."""


def rounds(
    src: npt.NDArray[np.int32],
    dst: npt.NDArray[np.int32],
    fraction: npt.ArrayLike,
    moves: Callable[[int], Moves],
    repeats: int = 1,
    steps: int | None = None,
) -> Phase:
    """A phase whose rounds wait for one another: a step each, unless pieces pass several ranks in one."""
    each = np.array(np.broadcast_to(np.asarray(fraction, dtype=np.float64), src.shape)).ravel()
    return Phase(src.ravel(), dst.ravel(), each, repeats, repeats if steps is None else steps, moves=moves)


def side_by_side(phases: Sequence[Phase]) -> Schedule:
    """Phases of one group that begin together; from the end of the shortest on, those that are left go on."""
    ends = sorted({phase.repeats for phase in phases})
    return tuple(
        _together([phase for phase in phases if phase.repeats >= end], begin, end)
        for begin, end in zip([0, *ends], ends, strict=False)
    )


def _together(phases: Sequence[Phase], begin: int, end: int) -> Phase:
    """Rounds begin..end - 1 of phases whose rounds are steps."""
    first = np.cumsum([0, *(len(phase.src) for phase in phases)])

    def moves(round_number: int) -> Moves:
        each = [phase.moves(begin + round_number) for phase in phases]
        return Moves.joined([replace(m, transfer=m.transfer + at) for m, at in zip(each, first, strict=False)])

    return rounds(
        np.concatenate([phase.src for phase in phases]),
        np.concatenate([phase.dst for phase in phases]),
        np.concatenate([phase.fraction for phase in phases]),
        moves,
        end - begin,
    )


def at_once(schedules: Sequence[Sequence[Traffic]]) -> tuple[Traffic, ...]:
    """The schedules of several groups as one, phase by phase. Raises WorkloadError unless they have the same
    rounds."""
    shapes = {tuple(phase.repeats for phase in schedule) for schedule in schedules}
    if len(shapes) > 1:
        raise WorkloadError("groups of unlike shape do not run in step", "give groups of one size, or time them apart")
    return tuple(_beside(phases) for phases in zip(*schedules, strict=True))


def _beside(phases: Sequence[Traffic]) -> Traffic:
    return Traffic(
        np.concatenate([phase.src for phase in phases]),
        np.concatenate([phase.dst for phase in phases]),
        np.concatenate([phase.fraction for phase in phases]),
        phases[0].repeats,
        max(phase.steps for phase in phases),
        _joined_routes([phase.routes for phase in phases if phase.routes is not None]),
        max(phase.hops for phase in phases),
    )


def _joined_routes(routes: Sequence[Paths]) -> Paths | None:
    if not routes:
        return None
    hops = np.concatenate([np.diff(some.indptr) for some in routes])
    links = np.concatenate([some.links for some in routes])
    return Paths(np.concatenate(([0], np.cumsum(hops))), links)


def listed(counts: npt.NDArray[Any]) -> tuple[Indices, Indices]:
    """(row, column) of every entry of rows of these lengths: `[2, 0, 1]` -> `[0, 0, 2], [0, 1, 0]`."""
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
