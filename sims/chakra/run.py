"""Traces run on a fabric: every rank works through its graph, and the network says how long communicating takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...fabric.errors import Fault, InputError, WorkloadError
from ...fabric.graph import Fabric
from ..network import network_for
from .job import Collective, TraceJob, Work, read_job
from .replay import Replay

_PS = 1e12

ASSUMPTIONS = (
    "A rank runs one computing node at once per processor (CPU, GPU, memory), the first ready first, for the duration "
    "that the trace gives.",
    "A communicator is all ranks whose traces use its pg_name; it runs its collectives one by one, in the order "
    "of the files; a root is its lowest rank.",
    "A send starts when its node is ready and ends with its last byte; its receive ends then too, or when ready.",
    "Sends that start at the same time contend with each other, and so do equal collectives of several groups; "
    "whatever else overlaps does not.",
)


@dataclass(frozen=True)
class RankRow:
    """A rank's time: `computing_s` in computing nodes, `waiting_s` in none, until the last rank has ended."""

    rank: int
    computing_s: float
    waiting_s: float


@dataclass(frozen=True)
class CallRow:
    """Equal communications: how often, and how long each takes in the mean."""

    op: str
    ranks: int
    size_bytes: int
    count: int
    time_us: float


@dataclass(frozen=True)
class TraceResult:
    """A trace's run. `starved_fraction` is the share of the ranks' time in which no computing node runs."""

    fabric: str
    gpus: int
    step_time_s: float
    starved_fraction: float
    ranks: tuple[RankRow, ...]
    collectives: tuple[CallRow, ...]
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types."""
        return asdict(self) | {
            "ranks": [asdict(row) for row in self.ranks],
            "collectives": [asdict(row) for row in self.collectives],
            "assumptions": list(self.assumptions),
        }


def run_trace(
    fabric: Fabric,
    source: str | Path,
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> TraceResult:
    """Run Chakra execution traces, rank n of them on rank n of the fabric.

    Args:
        source: a folder of files NAME.RANK.et, or FOLDER/NAME.
        fidelity: `fluid` or `transport`.
        parameters: of the transport.

    Raises:
        InputError: traces, names or parameters that cannot be used, every fault at once.
    """
    if fidelity == "bound":
        raise InputError("a trace has no bound", "use fidelity fluid or transport")
    network = network_for(fabric, fidelity, transport, routing, seed, parameters or {})
    job = read_job(source)
    if job.ranks > fabric.ranks:
        fault = f"has {job.ranks} ranks, {fabric.name} has {fabric.ranks}"
        raise WorkloadError(Fault(fault, "take a larger fabric", str(source)))
    replay = Replay(network, job)
    replay.run()
    step_s = max(replay.end_ps) / _PS if replay.end_ps else 0.0
    busy = [busy_ps / _PS for busy_ps in replay.busy_ps]
    rows = tuple(RankRow(rank, busy_s, step_s - busy_s) for rank, busy_s in enumerate(busy))
    starved = 1 - sum(busy) / (job.ranks * step_s) if step_s > 0 else 0.0
    said = (*network.assumptions(), *ASSUMPTIONS)
    return TraceResult(fabric.name, job.ranks, step_s, starved, rows, _calls(job, replay), said)


def _calls(job: TraceJob, replay: Replay) -> tuple[CallRow, ...]:
    """In the order of their first end."""
    times: dict[tuple[str, int, int], list[int]] = {}
    for task in sorted(replay.communicated_ps, key=lambda task: (replay.end_ps[task], task)):
        what = job.tasks[task]
        assert not isinstance(what, Work)
        key = (what.op, len(what.ranks)) if isinstance(what, Collective) else ("send-recv", 2)
        times.setdefault((*key, what.size_bytes), []).append(replay.communicated_ps[task])
    return tuple(CallRow(*key, len(each), sum(each) / len(each) / 1e6) for key, each in times.items())
