"""The clock of a schedule when every message takes a given time. Times are whole picoseconds, so that what belongs to
one instant is seen as such."""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush

from ...fabric.errors import Fault, WorkloadError
from ..transports.subflows import Indices
from .mailbox import Mailbox
from .program import Program, followers

_PS_PER_NS = 1000
_NEVER = -1


class Replay:
    """Runs a program; then, per operation, `start_ps` and `end_ps`, and per rank `computing_ps`.

    A rank's processor does one calc at once, the first ready first. A send ends when its message has arrived; the
    receive that takes it then, or when it is ready.
    """

    def __init__(self, program: Program, duration_ps: Indices) -> None:
        """`duration_ps`: per operation, of sends alone."""
        count = len(program.operations)
        self.program, self.duration_ps = program, duration_ps.tolist()
        self.start_ps, self.end_ps = [_NEVER] * count, [_NEVER] * count
        self.computing_ps = [0] * program.ranks
        self._after_end, self._after_start = followers(program.requires), followers(program.irequires)
        waits = zip(program.requires, program.irequires, strict=True)
        self._missing = [len(ends) + len(starts) for ends, starts in waits]
        self._mailboxes: dict[int, Mailbox] = defaultdict(Mailbox)
        self._partner: dict[int, int] = {}
        self._queues: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        self._running: set[tuple[int, int]] = set()
        self._ends: list[tuple[int, int]] = []
        self._faults: list[Fault] = []

    def run(self) -> Replay:
        """Run all. Raises WorkloadError listing what can never end, and receives of another size than their message."""
        for number, missing in enumerate(list(self._missing)):
            if not missing:
                self._ready(number, 0)
        while self._ends:
            now, number = heappop(self._ends)
            self._end(number, now)
        faults = [*self._faults, *self._stuck()]
        if faults:
            raise WorkloadError(faults)
        return self

    def _ready(self, number: int, now: int) -> None:
        one = self.program.operations[number]
        if one.verb == "calc":
            heappush(self._queues[one.rank, one.cpu], (now, number))
            self._dispatch(one.rank, one.cpu, now)
            return
        self._started(number, now)
        if one.verb == "send":
            heappush(self._ends, (now + self.duration_ps[number], number))
            self._join(number, self._mailboxes[one.peer].message(number, one))
        else:
            send = self._mailboxes[one.rank].receive(number, one)
            self._join(number, send)
            if send is not None and self.end_ps[send] != _NEVER:
                heappush(self._ends, (now, number))

    def _started(self, number: int, now: int) -> None:
        self.start_ps[number] = now
        self._release(self._after_start[number], now)

    def _release(self, later: list[int], now: int) -> None:
        for number in later:
            self._missing[number] -= 1
            if not self._missing[number]:
                self._ready(number, now)

    def _join(self, number: int, other: int | None) -> None:
        if other is None:
            return
        self._partner[number], self._partner[other] = other, number
        verbs = {self.program.operations[each].verb: each for each in (number, other)}
        sent, taken = (self.program.operations[verbs[verb]].amount for verb in ("send", "recv"))
        if sent != taken:
            line = self.program.operations[verbs["send"]].line
            fault = f"takes {taken} bytes of the {sent} sent in line {line}"
            self._faults.append(self.program.fault(verbs["recv"], fault, "make both alike"))

    def _dispatch(self, rank: int, cpu: int, now: int) -> None:
        """Start the next calc of a processor that is free."""
        queue = self._queues[rank, cpu]
        if queue and (rank, cpu) not in self._running:
            _, number = heappop(queue)
            self._running.add((rank, cpu))
            heappush(self._ends, (now + self.program.operations[number].amount * _PS_PER_NS, number))
            self._started(number, now)

    def _end(self, number: int, now: int) -> None:
        self.end_ps[number] = now
        one = self.program.operations[number]
        if one.verb == "calc":
            self.computing_ps[one.rank] += now - self.start_ps[number]
            self._running.discard((one.rank, one.cpu))
            self._dispatch(one.rank, one.cpu, now)
        elif one.verb == "send" and number in self._partner:
            heappush(self._ends, (now, self._partner[number]))
        self._release(self._after_end[number], now)

    def _stuck(self) -> list[Fault]:
        """Receives to which no message came and messages that nobody took. What else has not ended waits for one of
        these."""
        faults = []
        for number, one in enumerate(self.program.operations):
            if one.verb == "calc" or number in self._partner or self.start_ps[number] == _NEVER:
                continue
            if one.verb == "recv":
                faults.append(self.program.fault(number, self._why(number), "add the send, or drop the receive"))
            else:
                fault = f"is not received by rank {one.peer}"
                faults.append(self.program.fault(number, fault, "add the receive, or drop the send"))
        return faults

    def _why(self, number: int) -> str:
        """Why a receive that is posted never ends."""
        receive = self.program.operations[number]
        for send in self.program.numbers("send"):
            one = self.program.operations[send]
            fits = one.peer == receive.rank and receive.peer in (-1, one.rank) and receive.tag in (-1, one.tag)
            if fits and self.start_ps[send] == _NEVER:
                return f"waits for the send of line {one.line}, which waits for it"
        source = "no rank" if receive.peer < 0 else f"rank {receive.peer} never"
        return f"gets nothing: {source} sends it"
