"""Which message a receive takes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import count

from .program import ANY, Operation

Way = tuple[int, int]
"""Source and tag."""
Waiting = dict[Way, deque[tuple[int, int]]]
"""By way: (turn, number of the operation), the earliest first."""


class Mailbox:
    """Of one rank: messages and receives meet in their order, as in MPI; a receive may leave source and tag open."""

    def __init__(self) -> None:
        self._messages: Waiting = defaultdict(deque)
        self._receives: Waiting = defaultdict(deque)
        self._turns = count()

    def message(self, number: int, send: Operation) -> int | None:
        """A message is on its way: the receive that takes it, if one is posted."""
        ways = ((source, tag) for source in (send.rank, ANY) for tag in (send.tag, ANY))
        return self._met(self._receives, ways, self._messages, (send.rank, send.tag), number)

    def receive(self, number: int, receive: Operation) -> int | None:
        """A receive is posted: the message that it takes, if one is on its way."""
        wanted = receive.peer, receive.tag
        ways = [way for way in self._messages if _fits(way, wanted)] if ANY in wanted else [wanted]
        return self._met(self._messages, ways, self._receives, wanted, number)

    def _met(self, others: Waiting, ways: Iterable[Way], own: Waiting, way: Way, number: int) -> int | None:
        """The first of `others`; without one, this waits among its `own`."""
        heads = [others[each][0] + (each,) for each in ways if others.get(each)]
        if not heads:
            own[way].append((next(self._turns), number))
            return None
        _, other, its_way = min(heads)
        others[its_way].popleft()
        return other


def _fits(way: Way, wanted: Way) -> bool:
    return all(want in (ANY, has) for want, has in zip(wanted, way, strict=True))
