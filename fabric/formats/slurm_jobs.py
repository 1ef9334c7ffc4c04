"""Where Slurm put its jobs: `squeue -h -o "%i %T %D %N"` read back, and the ranks that stand on those nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import Fault, InputError, ParseError, UnknownNameError
from ..graph import Fabric
from .hostlist import expand
from .localities import scheduler_nodes

_ROW = re.compile(r"(\S+)\s+([A-Z_]+)\s+([0-9]+)(?:\s+(\S+))?")
_SHOWN = 8
"""Unknown names that are told."""
_CURE = 'give the output of squeue -h -o "%i %T %D %N"'


@dataclass(frozen=True)
class SlurmJob:
    """A job: its number, its state in Slurm's words, and its nodes, none while it waits."""

    number: str
    state: str
    nodes: tuple[str, ...]


def read_squeue(path: str | Path) -> tuple[SlurmJob, ...]:
    """The jobs in a file, in its order. Raises ParseError with every fault."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is no text", _CURE, str(path))) from None
    return squeue_jobs(text, str(path))


def squeue_jobs(text: str, file: str = "") -> tuple[SlurmJob, ...]:
    """The jobs in squeue's output, its header left out or not. Raises ParseError with every fault."""
    jobs, faults = [], []
    for line, row in enumerate(map(str.strip, text.splitlines()), 1):
        if not row or row.startswith("JOBID"):
            continue
        try:
            jobs.append(_job(row))
        except InputError as error:
            faults += [Fault(fault.message, fault.cure, file, line) for fault in error.faults]
    if faults:
        raise ParseError(faults)
    return tuple(jobs)


def _job(row: str) -> SlurmJob:
    match = _ROW.fullmatch(row)
    if match is None:
        raise ParseError(f"{row!r} is no job", _CURE)
    number, state, count, nodes = match[1], match[2], int(match[3]), expand(match[4] or "")
    if nodes and len(nodes) != count:
        raise ParseError(f"job {number} has {count} nodes, and a list of {len(nodes)}", _CURE)
    return SlurmJob(number, state, nodes)


def ranks_on(fabric: Fabric, nodes: Iterable[str]) -> npt.NDArray[np.int64]:
    """The ranks on the scheduler's nodes of these names, node by node in the order given, in each in rank order.

    `ranks_on(fabric, expand("server-[4-7]"))`. Raises UnknownNameError, or InputError for a node named twice.
    """
    known = scheduler_nodes(fabric)
    number = {name: place for place, name in enumerate(known.names)}
    wanted = list(nodes)
    unknown = [name for name in dict.fromkeys(wanted) if name not in number]
    if unknown:
        span = f"its nodes are {known.names[0]} to {known.names[-1]}" if known.names else "it has no machines"
        raise UnknownNameError(Fault(f"{name} is no node of {fabric.name}", span) for name in unknown[:_SHOWN])
    if len(set(wanted)) < len(wanted):
        twice = next(name for place, name in enumerate(wanted) if name in wanted[:place])
        raise InputError(f"node {twice} is named twice", "name each node once")
    of_rank = known.of_node[fabric.endpoints]
    order = np.argsort(of_rank, kind="stable")
    first = np.searchsorted(of_rank[order], np.arange(len(known.names) + 1))
    chosen = [order[first[number[name]] : first[number[name] + 1]] for name in wanted]
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=np.int64)
