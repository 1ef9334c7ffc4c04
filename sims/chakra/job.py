"""The traces of all ranks as one graph of tasks: collectives joined across ranks, receives tied to their sends."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import networkx as nx

from ...fabric.errors import Fault, ParseError, WorkloadError
from .trace import Node, NodeType, Trace, read_trace

COLLECTIVES: Mapping[int, str] = {
    0: "all-reduce",
    1: "reduce",
    2: "all-gather",
    3: "gather",
    4: "scatter",
    5: "broadcast",
    6: "all-to-all",
    7: "reduce-scatter",
    8: "reduce-scatter",
    9: "barrier",
}
"""Operations by Chakra's CollectiveCommType."""

_GATHERING = ("all-gather", "gather")
_PS_PER_US = 10**6
_NODES_NAMED = 8


@dataclass(frozen=True)
class Work:
    """Time on a processor of a rank, which does one thing at once; without a processor, no time at all."""

    rank: int
    processor: str = ""
    duration_ps: int = 0


@dataclass(frozen=True)
class Message:
    """A send: bytes from rank to rank."""

    src: int
    dst: int
    size_bytes: int


@dataclass(frozen=True)
class Collective:
    """A collective of a communicator; `size_bytes` as nccl-tests counts it."""

    op: str
    ranks: tuple[int, ...]
    size_bytes: int


Task = Work | Message | Collective


@dataclass(frozen=True)
class TraceJob:
    """Tasks, and per task the numbers of those that end before it starts."""

    ranks: int
    tasks: tuple[Task, ...]
    after: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Place:
    """A node and where it stands."""

    rank: int
    path: Path
    node: Node

    def fault(self, message: str, cure: str) -> Fault:
        return Fault(message, cure, str(self.path), field=f"node {self.node.id} {self.node.name}".rstrip())


def read_job(source: str | Path) -> TraceJob:
    """The job of `source`: a folder of files NAME.RANK.et, or what stands before `.RANK.et` in their paths.

    Raises ParseError, WorkloadError listing every fault: ranks that are missing, files cut short, nodes that wait for
    each other or for none, operations unknown or not alike on all their ranks, sends and receives without each other.
    """
    paths = _files(Path(source))
    traces: list[Trace] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            traces.append(read_trace(path))
        except ParseError as error:
            faults += error.faults
    if faults:
        raise ParseError(faults)
    return _Joining(paths, traces).job()


def _files(source: Path) -> list[Path]:
    """The files by rank."""
    folder, stem = (source, None) if source.is_dir() else (source.parent, source.name)
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    faults = []
    for path in sorted(folder.glob("*.et")):
        match = re.fullmatch(r"(.*)\.(0|[1-9][0-9]*)\.et", path.name, re.ASCII)
        if match and stem in (None, match[1]):
            found[match[1]][int(match[2])] = path
        elif stem is None:
            faults.append(Fault("has no rank in its name", "name it NAME.RANK.et", str(path)))
    if not found:
        faults.append(Fault("no traces there", "files are called NAME.RANK.et, from rank 0 on", str(source)))
    if len(found) > 1:
        faults.append(Fault(f"has traces {', '.join(sorted(found))}", "name one: FOLDER/NAME", str(source)))
    for name, by_rank in sorted(found.items()):
        missing = [*islice((str(rank) for rank in range(max(by_rank)) if rank not in by_rank), _NODES_NAMED)]
        if missing:
            faults.append(Fault(f"no file of rank {', '.join(missing)}", "add it", str(folder / name)))
    if faults:
        raise WorkloadError(faults)
    (by_rank,) = found.values()
    return [by_rank[rank] for rank in range(len(by_rank))]


class _Joining:
    """Tasks are added rank by rank in the order of the files; what ranks do together is tied afterwards."""

    def __init__(self, paths: Sequence[Path], traces: Sequence[Trace]) -> None:
        self.places = [
            [_Place(rank, path, node) for node in trace.nodes]
            for rank, (path, trace) in enumerate(zip(paths, traces, strict=True))
        ]
        self.tasks: list[Task] = []
        self.of_task: list[list[_Place]] = []
        self.after: list[set[int]] = []
        self.task_of: dict[tuple[int, int], int] = {}
        self.faults: list[Fault] = []

    def job(self) -> TraceJob:
        """Raises WorkloadError."""
        self._own_tasks()
        self._collectives()
        self._messages()
        self._dependencies()
        self._refuse()
        self._cycles()
        self._refuse()
        return TraceJob(len(self.places), tuple(self.tasks), tuple(tuple(sorted(before)) for before in self.after))

    def _refuse(self) -> None:
        if self.faults:
            raise WorkloadError(self.faults)

    def _add(self, task: Task, *places: _Place) -> int:
        self.tasks.append(task)
        self.of_task.append(list(places))
        self.after.append(set())
        for place in places:
            if self.task_of.setdefault((place.rank, place.node.id), len(self.tasks) - 1) != len(self.tasks) - 1:
                self.faults.append(place.fault("has the id of another node", "number nodes apart"))
        return len(self.tasks) - 1

    def _all(self, *types: NodeType) -> Iterator[_Place]:
        return (place for rank in self.places for place in rank if place.node.type in types)

    def _own_tasks(self) -> None:
        for place in self._all(NodeType.METADATA):
            self._add(Work(place.rank), place)
        for place in self._all(NodeType.COMP, NodeType.MEM_LOAD, NodeType.MEM_STORE):
            node, computes = place.node, place.node.type == NodeType.COMP
            if not node.duration_us and node.get("num_ops" if computes else "tensor_size"):
                self.faults.append(place.fault("has work but no duration", "give duration_micros"))
            processor = ("cpu" if node.get("is_cpu_op") else "gpu") if computes else "memory"
            self._add(Work(place.rank, processor, node.duration_us * _PS_PER_US), place)

    def _whole(self, place: _Place, name: str, fits: Callable[[int], bool], what: str) -> int | None:
        """An attribute that must be there and fit, or None and a fault."""
        value = place.node.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and fits(value):
            return value
        told = f"has no {name}" if value is None else f"has {name} {value!r}"
        self.faults.append(place.fault(told, f"give {what}"))
        return None

    def _size(self, place: _Place) -> int | None:
        return self._whole(place, "comm_size", lambda size: size >= 0, "bytes, 0 or more")

    def _collectives(self) -> None:
        """The n-th collective of a communicator on one rank meets the n-th on its others, after the one before."""
        groups: dict[Any, dict[int, list[_Place]]] = defaultdict(lambda: defaultdict(list))
        for place in self._all(NodeType.COMM_COLL):
            dimensions = place.node.get("involved_dim", ())
            if not all(dimensions if isinstance(dimensions, tuple) else (dimensions,)):
                fault = "takes part in some dimensions only, which a fabric does not have"
                self.faults.append(place.fault(fault, "name its ranks' group by pg_name"))
            groups[place.node.get("pg_name", "")][place.rank].append(place)
        for group, by_rank in groups.items():
            if group == "" and len(by_rank) < len(self.places):
                absent = [str(rank) for rank in range(len(self.places)) if rank not in by_rank][:_NODES_NAMED]
                first = by_rank[min(by_rank)][0]
                fault = f"a collective of all ranks has none on rank {', '.join(absent)}"
                self.faults.append(first.fault(fault, "add it, or name a group by pg_name"))
            self._communicator(by_rank)

    def _communicator(self, by_rank: Mapping[int, list[_Place]]) -> None:
        ranks = tuple(sorted(by_rank))
        if len(self.places) == 1:
            self.faults.append(by_rank[0][0].fault("is a collective of a rank alone", "add the files of the others"))
        rounds = max(map(len, by_rank.values()))
        for rank in ranks:
            if len(by_rank[rank]) < rounds:
                fault = f"is the last of {len(by_rank[rank])} collectives of its group, others have {rounds}"
                self.faults.append(by_rank[rank][-1].fault(fault, "give all ranks as many"))
        previous = None
        for members in zip(*(by_rank[rank] for rank in ranks), strict=False):
            calls = [self._call(place, len(ranks)) for place in members]
            op, size = calls[0] or ("barrier", 0)
            for place, call in zip(members, calls, strict=True):
                if calls[0] and call and call != calls[0]:
                    fault = f"is {call[0]} of {call[1]} bytes, on rank {ranks[0]} {op} of {size}"
                    self.faults.append(place.fault(fault, "a collective is alike on all ranks"))
            task = self._add(Collective(op, ranks, size), *members)
            if previous is not None:
                self.after[task].add(previous)
            previous = task

    def _call(self, place: _Place, ranks: int) -> tuple[str, int] | None:
        """Operation and bytes as nccl-tests counts them: Chakra gives what each rank puts in."""
        known = ", ".join(f"{number} {op}" for number, op in COLLECTIVES.items())
        kind = self._whole(place, "comm_type", lambda value: value in COLLECTIVES, f"one of {known}")
        if kind is None:
            return None
        op = COLLECTIVES[kind]
        size = 0 if op == "barrier" else self._size(place)
        return None if size is None else (op, size * ranks if op in _GATHERING else size)

    def _messages(self) -> None:
        """The n-th send from one rank to another under a tag meets the n-th receive there."""
        sent, received = (self._by_way(kind) for kind in (NodeType.COMM_SEND, NodeType.COMM_RECV))
        for way in sorted({*sent, *received}):
            sends, receives = sent.get(way, []), received.get(way, [])
            for place in sends[len(receives) :]:
                self.faults.append(place.fault(f"rank {way[1]} does not receive it", "add the receive"))
            for place in receives[len(sends) :]:
                self.faults.append(place.fault(f"rank {way[0]} does not send it", "add the send"))
            for send, receive in zip(sends, receives, strict=False):
                size = self._size(send)
                if size is not None and receive.node.get("comm_size", size) != size:
                    fault = f"receives {receive.node.get('comm_size')} bytes of the {size} sent"
                    self.faults.append(receive.fault(fault, "make both alike"))
                task = self._add(Message(way[0], way[1], size or 0), send)
                self.after[self._add(Work(receive.rank), receive)].add(task)

    def _by_way(self, kind: NodeType) -> dict[tuple[int, int, int], list[_Place]]:
        """Sends or receives by source, destination and tag."""
        sending, ranks = kind == NodeType.COMM_SEND, len(self.places)
        own, other = ("comm_src", "comm_dst") if sending else ("comm_dst", "comm_src")
        what = f"a rank of 0..{ranks - 1}, or that rank's file"
        ways = defaultdict(list)
        for place in self._all(kind):
            peer = self._whole(place, other, lambda rank: 0 <= rank < ranks, what)
            if place.node.get(own, place.rank) != place.rank:
                self.faults.append(place.fault(f"has {own} {place.node.get(own)}", f"its file is rank {place.rank}'s"))
            tag = place.node.get("comm_tag", 0)
            if not isinstance(tag, int):
                self.faults.append(place.fault(f"has comm_tag {tag!r}", "give a number"))
            elif peer is not None:
                ways[(place.rank, peer, tag) if sending else (peer, place.rank, tag)].append(place)
        return ways

    def _dependencies(self) -> None:
        ids = [{place.node.id for place in rank} for rank in self.places]
        for rank in self.places:
            for place in rank:
                for dependency in (*place.node.ctrl_deps, *place.node.data_deps):
                    if dependency not in ids[place.rank]:
                        fault = f"waits for node {dependency}, which is not there"
                        self.faults.append(place.fault(fault, "add it, or drop the dependency"))
                    elif not self.faults:
                        self.after[self.task_of[place.rank, place.node.id]].add(self.task_of[place.rank, dependency])

    def _cycles(self) -> None:
        """A fault for every set of tasks that wait for one another."""
        waits = nx.DiGraph((task, other) for task, before in enumerate(self.after) for other in before)
        for circle in sorted(map(sorted, nx.strongly_connected_components(waits))):
            if len(circle) > 1 or waits.has_edge(circle[0], circle[0]):
                members = (place for task in circle for place in self.of_task[task])
                places = sorted(members, key=lambda place: (place.rank, place.node.id))
                named = ", ".join(f"rank {one.rank} node {one.node.id}" for one in places[:_NODES_NAMED])
                more = f" and {len(places) - _NODES_NAMED} more" if len(places) > _NODES_NAMED else ""
                fault = f"waits for itself by a cycle of {named}{more}"
                self.faults.append(places[0].fault(fault, "drop a dependency"))
