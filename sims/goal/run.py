"""A GOAL schedule on a fabric: its messages contend for real links, and the network says how long they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, InputError, WorkloadError
from ...fabric.graph import Fabric
from ..collectives.borders import border_bps
from ..collectives.communicator import Communicator
from ..network import Detail, Network, network_for
from ..results import Bottleneck
from ..settling import Settled, settle, undisturbed_s
from .program import Program
from .replay import Replay
from .syntax import read_goal

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_PS = 1e12

ASSUMPTIONS = (
    "A calc takes its nanoseconds, one at once on each processor of a rank; sending and receiving take no processor.",
    "A send starts when what it requires has ended, whether its receive is posted or not, and ends with its last byte.",
    "Messages meet receives in the order of their starts; where a schedule names nics, the transport chooses instead.",
)


@dataclass(frozen=True)
class RankEnd:
    """When a rank has done all it has to do, and how long it computed."""

    rank: int
    finish_us: float
    computing_us: float


@dataclass(frozen=True)
class GoalResult:
    """A schedule's run: `messages` of `bytes` in all. The bound is a proven lower limit of the time; `link_bytes` is
    payload per directed link of the fabric."""

    fabric: str
    gpus: int
    transport: str
    fidelity: str
    time_us: float
    messages: int
    bytes: int
    bound_time_us: float
    bound_fraction: float
    bottleneck: Bottleneck
    ranks: tuple[RankEnd, ...]
    assumptions: tuple[str, ...]
    link_bytes: Floats

    @property
    def makespan_s(self) -> float:
        """From 0 to the last end."""
        return self.time_us * 1e-6

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the links."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "link_bytes"}
        rows = [asdict(row) for row in self.ranks]
        return document | {"bottleneck": asdict(self.bottleneck), "ranks": rows, "assumptions": list(self.assumptions)}


def run_goal(
    fabric: Fabric,
    source: str | Path,
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    ranks: npt.ArrayLike | None = None,
    certify: bool = True,
    parameters: Mapping[str, Any] | None = None,
) -> GoalResult:
    """Run the schedule in a file, its rank n on the n-th of `ranks` (default: of the fabric's).

    Args:
        fidelity: `fluid` or `transport`.
        certify: check every allocation and the conservation of bytes.
        parameters: of the transport.

    Raises:
        InputError: a schedule, names or parameters that cannot be used, every fault at once; operations that can
            never end.
    """
    if fidelity == "bound":
        raise InputError("a schedule is run, not bounded", "use fidelity fluid or transport")
    network = network_for(fabric, fidelity, transport, routing, seed, parameters or {})
    program = read_goal(source)
    seats = _seats(fabric, program, ranks)
    messages = np.array(list(program.numbers("send")), dtype=np.int64)
    # Where nothing is sent, there is no congestion to find.
    seen = network if len(messages) else network.at(Detail.ROUTING)
    settled = _settled(seen, program, seats, messages, certify)
    ran = settled.ran
    done = _replay(program, messages, ran.finish_s - ran.start_s)
    time_s, bound_s = max(done.end_ps, default=0) / _PS, _bound_s(network, program, seats)
    return GoalResult(
        fabric.name,
        program.ranks,
        network.carrier.name,
        fidelity,
        time_s * 1e6,
        len(messages),
        sum(program.operations[number].amount for number in messages),
        bound_s * 1e6,
        bound_s / time_s if time_s > 0 else 1.0,
        ran.bottleneck,
        _ends(program, done),
        (*network.assumptions(), *ASSUMPTIONS, *settled.notes()),
        ran.link_bytes,
    )


def _seats(fabric: Fabric, program: Program, ranks: npt.ArrayLike | None) -> npt.NDArray[np.int32]:
    seats = np.arange(fabric.ranks) if ranks is None else np.asarray(ranks)
    if program.ranks > len(seats):
        fault = f"has {program.ranks} ranks, there are {len(seats)} on {fabric.name}"
        raise WorkloadError(Fault(fault, "take a larger fabric", program.file))
    return seats[: program.ranks].astype(np.int32)


def _settled(
    network: Network, program: Program, seats: npt.NDArray[np.int32], messages: Indices, certify: bool
) -> Settled:
    """The messages, each started when its rank comes to it."""
    sends = [program.operations[number] for number in messages]
    flows = network.subflows(*(seats[[getattr(one, end) for one in sends]] for end in ("rank", "peer")))
    size_bytes = np.array([one.amount for one in sends], dtype=np.float64)

    def starts_s(duration_s: Floats, _: Floats) -> Floats:
        return np.array(_replay(program, messages, duration_s).start_ps, dtype=np.float64)[messages] / _PS

    return settle(network, flows, size_bytes, starts_s, undisturbed_s(network, flows, size_bytes), certify)


def _replay(program: Program, messages: Indices, duration_s: Floats) -> Replay:
    duration_ps = np.zeros(len(program.operations), dtype=np.int64)
    duration_ps[messages] = np.round(duration_s * _PS)
    return Replay(program, duration_ps).run()


def _ends(program: Program, done: Replay) -> tuple[RankEnd, ...]:
    finish_ps = [0] * program.ranks
    for one, end_ps in zip(program.operations, done.end_ps, strict=True):
        finish_ps[one.rank] = max(finish_ps[one.rank], end_ps)
    each = zip(finish_ps, done.computing_ps, strict=True)
    return tuple(RankEnd(rank, finish / 1e6, computing / 1e6) for rank, (finish, computing) in enumerate(each))


def _bound_s(network: Network, program: Program, seats: npt.NDArray[np.int32]) -> float:
    """What the fullest port and the fullest processor need."""
    sent, received = np.zeros(network.fabric.ranks), np.zeros(network.fabric.ranks)
    calculated_ns: dict[tuple[int, int], int] = {}
    for one in program.operations:
        if one.verb == "calc":
            calculated_ns[one.rank, one.cpu] = calculated_ns.get((one.rank, one.cpu), 0) + one.amount
        elif one.verb == "send":
            sent[seats[one.rank]] += one.amount
            received[seats[one.peer]] += one.amount
    bound_s = max(calculated_ns.values(), default=0) * 1e-9
    if not sent.any():
        return bound_s
    comm = Communicator.of(network, seats)
    for way, loads in enumerate((sent, received)):
        ports_bps = border_bps(network, comm, np.arange(comm.size), way)
        bound_s = max(bound_s, float((8 * loads[comm.ranks] / ports_bps).max()))
    return bound_s
