"""The clock of a trace: what is ready starts, what ends makes others ready. Times are whole picoseconds, so that what
belongs to one instant is seen as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush

from ..collectives import collective_time_s
from ..network import Network
from .job import Collective, Message, TraceJob, Work

_PS = 1e12


class Replay:
    """After `run`: per task its end, per communication its duration, per rank the time in which it computed."""

    def __init__(self, network: Network, job: TraceJob) -> None:
        self.network, self.job = network, job
        self.end_ps = [0] * len(job.tasks)
        self.communicated_ps: dict[int, int] = {}
        self.busy_ps = [0] * job.ranks
        self._missing = [len(before) for before in job.after]
        self._next: list[list[int]] = [[] for _ in job.tasks]
        for task, before in enumerate(job.after):
            for other in before:
                self._next[other].append(task)
        self._clock: list[tuple[int, int]] = []
        self._queues: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
        self._running: dict[tuple[int, str], int] = {}
        self._computing = [0] * job.ranks
        self._since = [0] * job.ranks
        self._known: dict[tuple[object, ...], list[int]] = {}

    def run(self) -> None:
        """Run all tasks. The job has no cycles, so all end."""
        now, waiting = 0, []
        ready = [task for task, missing in enumerate(self._missing) if not missing]
        while ready or self._clock:
            waiting += [task for task in ready if not isinstance(self.job.tasks[task], Work)]
            self._work(ready, now)
            # Communication starts when all else of the instant is done, so that all of it is seen together.
            if not self._clock or self._clock[0][0] > now:
                self._communicate(waiting, now)
                waiting = []
            now = self._clock[0][0]
            ready = self._ended(now)

    def _work(self, ready: Iterable[int], now: int) -> None:
        for task in ready:
            work = self.job.tasks[task]
            if isinstance(work, Work):
                if work.processor:
                    heappush(self._queues[work.rank, work.processor], (now, task))
                    self._dispatch(work.rank, work.processor, now)
                else:
                    heappush(self._clock, (now, task))

    def _dispatch(self, rank: int, processor: str, now: int) -> None:
        """Start the next node of a processor that is free."""
        queue = self._queues[rank, processor]
        if not queue or (rank, processor) in self._running:
            return
        _, task = heappop(queue)
        work = self.job.tasks[task]
        assert isinstance(work, Work)
        self._running[rank, processor] = task
        if not self._computing[rank]:
            self._since[rank] = now
        self._computing[rank] += 1
        heappush(self._clock, (now + work.duration_ps, task))

    def _ended(self, now: int) -> list[int]:
        """End all that ends now; what it makes ready, by number."""
        ready = []
        while self._clock and self._clock[0][0] == now:
            _, task = heappop(self._clock)
            self.end_ps[task] = now
            self._free(task, now)
            for other in self._next[task]:
                self._missing[other] -= 1
                if not self._missing[other]:
                    ready.append(other)
        return sorted(ready)

    def _free(self, task: int, now: int) -> None:
        work = self.job.tasks[task]
        if isinstance(work, Work) and work.processor:
            rank = work.rank
            del self._running[rank, work.processor]
            self._computing[rank] -= 1
            if not self._computing[rank]:
                self.busy_ps[rank] += now - self._since[rank]
            self._dispatch(rank, work.processor, now)

    def _communicate(self, starting: Iterable[int], now: int) -> None:
        messages: list[int] = []
        alike: dict[tuple[str, int, int], list[int]] = defaultdict(list)
        for task in starting:
            what = self.job.tasks[task]
            if isinstance(what, Collective):
                alike[what.op, what.size_bytes, len(what.ranks)].append(task)
            else:
                messages.append(task)
        for tasks in (messages, *(batch for each in alike.values() for batch in self._disjoint(each))):
            for task, duration_ps in zip(tasks, self._durations_ps(tasks), strict=True):
                self.communicated_ps[task] = duration_ps
                heappush(self._clock, (now + duration_ps, task))

    def _disjoint(self, tasks: Iterable[int]) -> list[list[int]]:
        """Collectives in batches in which no rank stands twice."""
        batches: list[tuple[set[int], list[int]]] = []
        for task in tasks:
            what = self.job.tasks[task]
            assert isinstance(what, Collective)
            taken, batch = next((one for one in batches if one[0].isdisjoint(what.ranks)), (set(), []))
            if not batch:
                batches.append((taken, batch))
            taken.update(what.ranks)
            batch.append(task)
        return [batch for _, batch in batches]

    def _durations_ps(self, tasks: list[int]) -> list[int]:
        key = tuple(self.job.tasks[task] for task in tasks)
        if key not in self._known:
            self._known[key] = [round(seconds * _PS) for seconds in self._seconds(key)]
        return self._known[key]

    def _seconds(self, batch: tuple[object, ...]) -> list[float]:
        """What the network takes for messages, or for equal collectives of disjoint groups."""
        messages = [one for one in batch if isinstance(one, Message)]
        if messages:
            ends = [one.src for one in messages], [one.dst for one in messages]
            finish_s: list[float] = self.network.transfer(*ends, [one.size_bytes for one in messages]).finish_s.tolist()
            return finish_s
        groups = [one for one in batch if isinstance(one, Collective)]
        if not groups or len(groups[0].ranks) == 1:
            return [0.0] * len(groups)
        first = groups[0]
        seconds = collective_time_s(self.network, first.op, [one.ranks for one in groups], first.size_bytes)
        return [seconds] * len(groups)
