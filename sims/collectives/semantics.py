"""Proof that a schedule does what its operation means, by running it on symbolic data.

Every rank starts with its own contribution to each piece; every rank must end with exactly what the operation
promises, each contribution in it once. Blocks are numbered, with ranks counted by position in the communicator and
the root at position 0:

    all-reduce, broadcast, reduce, barrier   one block, 0
    reduce-scatter, all-gather               block b belongs to rank b
    gather, scatter                          block b goes from, or to, rank b
    send-recv                                block b goes from rank b to the next
    all-to-all, all-to-all-v                 block s n + d goes from rank s to rank d
    moe-dispatch, moe-combine                block b are the tokens of rank b, a part each, for ranks with their experts

A proof also holds the schedule to its word: no transfer carries more than its `fraction`, some round carries all of
it, and no piece passes more ranks one after the other than `steps` pays for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import InternalError
from ...fabric.graph import Fabric
from ..transports import SWITCH
from .communicator import Communicator
from .demand import EXPERT_OPS, Call
from .gating import chosen_ranks
from .schedule import Indices, Moves, Phase, Schedule

MOST_PROVEN_RANKS = 64
MOST_PROVEN_ROUNDS = 512
MOST_PROVEN_CONTRIBUTIONS = 2**25
"""Larger schedules come from the same code; their proofs would take longer than their simulation."""

Counts = npt.NDArray[np.int16]

_REDUCING = ("all-reduce", "reduce-scatter", "reduce", "barrier", "moe-combine")
_WHOLE = ("all-reduce", "broadcast", "reduce", "barrier")
_PAIRWISE = ("all-to-all", "all-to-all-v")
_SLACK = 1e-9


@dataclass(frozen=True)
class _Pieces:
    """Every piece that a schedule moves: its `block`, its `share` of the size."""

    key: Indices
    block: Indices
    share: npt.NDArray[np.float64]

    @staticmethod
    def of(moves: Moves) -> _Pieces:
        key, first, number = np.unique(_keys(moves), return_index=True, return_inverse=True)
        if not np.allclose(moves.share[first][number.ravel()], moves.share, rtol=_SLACK, atol=0):
            raise InternalError("a piece has one size here and another there")
        return _Pieces(key, moves.block[first], moves.share[first])

    def numbers(self, moves: Moves) -> Indices:
        return np.searchsorted(self.key, _keys(moves))


def _keys(moves: Moves) -> Indices:
    return moves.block.astype(np.int64) << 31 | moves.part


def too_large(comm: Communicator, call: Call, schedule: Schedule) -> str:
    """Why a schedule is not proven when it runs, or nothing."""
    if comm.size > MOST_PROVEN_RANKS:
        return f"{comm.size} ranks are more than {MOST_PROVEN_RANKS}"
    played = sum(phase.repeats for phase in schedule)
    if played > MOST_PROVEN_ROUNDS:
        return f"{played} rounds are more than {MOST_PROVEN_ROUNDS}"
    tokens = call.gating.tokens * comm.size
    contributions = tokens * comm.size * (comm.size if call.op == "moe-combine" else 1)
    if call.op in EXPERT_OPS and contributions > MOST_PROVEN_CONTRIBUTIONS:
        return f"{tokens} tokens among {comm.size} ranks are too many"
    return ""


def prove(comm: Communicator, asked: str | Call, schedule: Schedule, fabric: Fabric | None = None) -> None:
    """Run the schedule on symbolic data. `fabric` is asked for where phases bring their own routes.

    Raises InternalError: a rank ends without its data or with too much of it, or a phase carries other amounts, or
    takes more steps, than it says.
    """
    call = asked if isinstance(asked, Call) else Call(asked)
    op = call.op
    carried = [[phase.moves(r) for r in range(phase.repeats)] for phase in schedule]
    pieces = _Pieces.of(Moves.joined([moves for each in carried for moves in each]))
    if op not in EXPERT_OPS:
        _check_cut(comm.size, op, pieces)
    ends = [_ends(comm, phase, fabric) for phase in schedule]
    entities = 1 + max(int(end.max()) for pair in ends for end in pair)
    experts = _experts(comm.size, call, pieces) if op in EXPERT_OPS else None
    held = _start(comm.size, op, pieces.block, entities, experts)
    for phase, each, (src, dst) in zip(schedule, carried, ends, strict=True):
        _check_amounts(phase, each)
        for moves in each:
            _run(held, moves, pieces.numbers(moves), src, dst)
    _check_end(comm.size, op, pieces.block, held, experts)


def _experts(n: int, call: Call, pieces: _Pieces) -> npt.NDArray[np.bool_]:
    """[piece, rank] -> whether the rank has an expert of this token. Raises InternalError if a token that some other
    rank wants is not moved."""
    chosen = chosen_ranks(call.gating, n, call.skew, call.seed)
    numbers = np.indices(chosen.shape[:2])
    source, token = numbers[0], numbers[1]
    needed = (chosen != source[:, :, None]).any(axis=2)
    key = (source.astype(np.int64) << 31 | token)[needed]
    if not np.isin(key, pieces.key).all():
        raise InternalError(f"{call.op} leaves tokens unmoved")
    wanted = np.zeros((len(pieces.key), n), dtype=bool)
    np.put_along_axis(wanted, chosen[pieces.block, pieces.key & (1 << 31) - 1], True, axis=1)
    return wanted


def _ends(comm: Communicator, phase: Phase, fabric: Fabric | None) -> tuple[Indices, Indices]:
    """Who sends and who receives each transfer: a rank's position, or n and more for switches."""
    position = np.full(int(comm.ranks.max()) + 1, -1)
    position[comm.ranks] = np.arange(comm.size)
    src, dst = (np.where(end == SWITCH, SWITCH, position[end]) for end in (phase.src, phase.dst))
    if phase.routes is not None and fabric is not None:
        first, last = phase.routes.indptr[:-1], phase.routes.indptr[1:] - 1
        from_node, to_node = fabric.link_source[phase.routes.links[first]], fabric.link_target[phase.routes.links[last]]
        return np.where(src < 0, comm.size + from_node, src), np.where(dst < 0, comm.size + to_node, dst)
    domain = np.repeat(np.arange(comm.domains), comm.domain_sizes)
    return np.where(src < 0, comm.size + domain[dst], src), np.where(dst < 0, comm.size + domain[src], dst)


def _check_cut(n: int, op: str, pieces: _Pieces) -> None:
    """The pieces are the whole data: no block misses, and the parts of each make it up."""
    blocks, number = np.unique(pieces.block, return_inverse=True)
    pairs = np.arange(n * n)
    expected = {
        **dict.fromkeys(_WHOLE, np.zeros(1)),
        **dict.fromkeys(("gather", "scatter"), np.arange(1, n)),
        **dict.fromkeys(_PAIRWISE, pairs[pairs // n != pairs % n]),
    }.get(op, np.arange(n))
    if not np.isin(expected, blocks).all():
        raise InternalError(f"{op} leaves data unmoved")
    if op in ("all-to-all-v", "barrier"):
        return
    whole = 1.0 if op in (*_WHOLE, "send-recv") else 1 / n
    if not np.allclose(np.bincount(number.ravel(), weights=pieces.share), whole, rtol=_SLACK, atol=0):
        raise InternalError(f"the pieces of {op} do not make up its data")


def _start(n: int, op: str, block: Indices, entities: int, experts: npt.NDArray[np.bool_] | None) -> Counts:
    """What everyone holds at first: [entity, piece, contributor], how often. Only reductions tell contributors
    apart."""
    held = np.zeros((entities, len(block), n if op in _REDUCING else 1), dtype=np.int16)
    rank = np.arange(n)
    if op == "moe-combine" and experts is not None:
        held[rank, :, rank] = experts.T
        return held
    if op in _REDUCING:
        held[rank, :, rank] = 1
        return held
    owner = block // n if op in _PAIRWISE else np.zeros_like(block) if op == "scatter" else block
    held[owner, np.arange(len(block)), 0] = 1
    return held


def _check_amounts(phase: Phase, each: list[Moves]) -> None:
    carried = np.stack([np.bincount(m.transfer, weights=m.share, minlength=len(phase.src)) for m in each]).max(axis=0)
    if (carried > phase.fraction * (1 + _SLACK)).any():
        raise InternalError("a transfer carries more than it is timed for")
    among_ranks = (phase.src != SWITCH) & (phase.dst != SWITCH)
    if (carried[among_ranks] < phase.fraction[among_ranks] * (1 - _SLACK)).any():
        raise InternalError("a transfer is timed for more than it carries")
    # A piece is in a switch only on its way: a stage that ends in switches is no step of its own.
    stages = [len(np.unique(m.stage[phase.dst[m.transfer] != SWITCH])) for m in each]
    if sum(stages) > phase.steps:
        raise InternalError(f"{sum(stages)} messages wait for one another, {phase.steps} are paid for")


def _run(held: Counts, moves: Moves, piece: Indices, src: Indices, dst: Indices) -> None:
    """One round, stage by stage."""
    for stage in np.unique(moves.stage):
        now = moves.stage == stage
        sender, receiver, what = src[moves.transfer[now]], dst[moves.transfer[now]], piece[now]
        sent = held[sender, what]
        if not sent.any(axis=1).all():
            raise InternalError("someone sends what it does not hold")
        adds = moves.adds[now]
        target = receiver * held.shape[1] + what
        if len(np.unique(target[~adds])) < np.count_nonzero(~adds):
            raise InternalError("two copies of a piece arrive at once")
        held[receiver[~adds], what[~adds]] = sent[~adds]
        np.add.at(held, (receiver[adds], what[adds]), sent[adds])


def _check_end(n: int, op: str, block: Indices, held: Counts, experts: npt.NDArray[np.bool_] | None) -> None:
    piece = np.arange(len(block))
    if experts is not None:
        right = (held[block, piece] == experts) if op == "moe-combine" else (held[:n, :, 0].T[experts] == 1)
        if not right.all():
            raise InternalError(f"after {op} a rank lacks tokens, or holds some more than once")
        return
    if op in ("all-reduce", "all-gather", "broadcast", "barrier"):
        final = held[:n]
    else:
        keeper = {
            "reduce-scatter": block,
            "scatter": block,
            "send-recv": (block + 1) % n,
            "all-to-all": block % n,
            "all-to-all-v": block % n,
        }.get(op, np.zeros_like(block))
        final = held[keeper, piece]
    if not ((final > 0) if op == "barrier" else (final == 1)).all():
        raise InternalError(f"after {op} a rank lacks data, or holds some more than once")
