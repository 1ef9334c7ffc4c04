"""The tasks of a timeline layer by layer: each unit of the model, and the messages that its computing waits for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .timeline import COMPUTE, EXCHANGE, GROUPS, TASKS, Slice
from .workloads.durations import Durations, unit_collects, unit_sums
from .workloads.exchange import Messages
from .workloads.plan import StepPlan, Timed
from .workloads.schedule import BACKWARD, FORWARD, WEIGHTS
from .workloads.stages import stage_kinds
from .workloads.units import KINDS
from .workloads.work import Message

PARTS = {TASKS[FORWARD]: "forward", TASKS[BACKWARD]: "backward", TASKS[WEIGHTS]: "weights"}
NAMES = dict(zip(KINDS, ("embedding", "layer", "layer of experts", "head"), strict=True))
WITHIN = "all within the task"

MOST_PIECES = 200_000
"""Of more pieces, only those of the first micro-batch are told apart."""


class Piece(NamedTuple):
    """Part of a task, in seconds from its begin where nothing slows it."""

    stream: int
    what: str
    begin_s: float
    end_s: float
    carries: Messages = ()


Pieces = tuple[list[Piece], float]


def layers(plan: StepPlan, durations: Durations, slices: Iterable[Slice]) -> list[Slice]:
    """The pieces of the tasks among `slices`. What slows a task (a slow GPU, parameters that are waited for) stretches
    its pieces evenly. Where they are too many, what most tasks send is one slice as long as the task; so is always what
    ZeRO-3 exchanges beside it."""
    kinds = stage_kinds(plan.job)
    tasks = [each for each in slices if each.what in PARTS]
    pieces = {
        (what, task_chunk, stage): _pieces(plan, durations, kinds[task_chunk][stage], part)
        for what, part in PARTS.items()
        for task_chunk in range(plan.job.vp)
        for stage in range(plan.job.pp)
    }
    detailed = sum(len(pieces[task.what, task.chunk, task.stage][0]) for task in tasks) <= MOST_PIECES
    found: list[Slice] = []
    for task in tasks:
        inside = pieces[task.what, task.chunk, task.stage]
        sent = tuple(message for piece in inside[0] for message in piece.carries)
        found += _stretched(task, inside) if detailed or task.batch == 0 else _whole(task, GROUPS, sent)
        found += _whole(task, EXCHANGE, _exchanged(plan, kinds[task.chunk][task.stage], PARTS[task.what]))
    return found


def _stretched(task: Slice, inside: Pieces) -> Iterator[Slice]:
    pieces, whole_s = inside
    pace = (task.end_s - task.begin_s) / whole_s if whole_s else 0.0
    for piece in pieces:
        begin_s, end_s = (min(task.begin_s + pace * at, task.end_s) for at in (piece.begin_s, piece.end_s))
        yield Slice(task.stage, piece.stream, piece.what, begin_s, end_s, task.batch, task.chunk, piece.carries)


def _whole(task: Slice, stream: int, carries: Messages) -> Iterator[Slice]:
    if carries:
        yield task._replace(stream=stream, what=WITHIN, carries=carries)


def _exchanged(plan: StepPlan, kinds: Sequence[int], part: str) -> Messages:
    """What ZeRO-3 gathers for a task and scatters after it."""
    if plan.job.zero < 3:
        return ()
    units = [plan.units.kinds[kind] for kind in kinds]
    sums = [message for unit in units for message in unit_sums(plan.job, unit)] if part == "backward" else []
    return (*(message for unit in units for message in unit_collects(plan.job, unit)), *sums)


def _pieces(plan: StepPlan, durations: Durations, kinds: Sequence[int], part: str) -> Pieces:
    """Of one task, and its time: its units in order, backward in reverse."""
    pieces: list[Piece] = []
    clock = 0.0
    for kind in kinds if part == "forward" else kinds[::-1]:
        begin_s, sent = clock, []
        for timed in getattr(plan.timed[kind], part):
            messages, clock = _stretch(timed, durations, plan.job.slowdown, clock)
            sent += messages
        if clock > begin_s:
            pieces += [Piece(COMPUTE, NAMES[KINDS[kind]], begin_s, clock), *sent]
    return pieces, clock


def _stretch(timed: Timed, durations: Durations, slowdown: float, clock: float) -> Pieces:
    """What a stretch that begins at `clock` sends, and when it ends."""
    before, begun = _sent(timed.before, durations, clock)
    beside, through = _sent(timed.beside, durations, begun)
    return before + beside, max(through, begun + timed.work_s + slowdown * (through - begun))


def _sent(messages: Iterable[Message], durations: Durations, clock: float) -> Pieces:
    """Messages one after another, and when the last is through."""
    sent = []
    for message in messages:
        begin_s, clock = clock, clock + durations.messages[message]
        sent.append(Piece(GROUPS, f"{message.dimension} {message.op}", begin_s, clock, (message,)))
    return sent, clock
