"""What a GOAL file says: operations of ranks, and which of them wait for which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...fabric.errors import Fault

ANY = -1
"""A source or a tag that a receive leaves open."""


@dataclass(frozen=True)
class Operation:
    """`amount` is bytes of a `send` or `recv` to or from rank `peer`, nanoseconds of a `calc` on processor `cpu`."""

    rank: int
    line: int
    verb: str
    amount: int
    peer: int = ANY
    tag: int = 0
    cpu: int = 0


@dataclass(frozen=True)
class Program:
    """Operations of `ranks` ranks, in the order of the file; per operation the numbers of those that end (`requires`)
    or start (`irequires`) before it starts."""

    file: str
    ranks: int
    operations: tuple[Operation, ...]
    requires: tuple[tuple[int, ...], ...]
    irequires: tuple[tuple[int, ...], ...]

    def fault(self, number: int, message: str, cure: str) -> Fault:
        """What is wrong with an operation."""
        one = self.operations[number]
        return Fault(f"{one.verb} of rank {one.rank} {message}", cure, self.file, one.line)

    def numbers(self, verb: str) -> Iterator[int]:
        """Of the operations that do this."""
        return (number for number, one in enumerate(self.operations) if one.verb == verb)


def followers(before: Sequence[Sequence[int]]) -> list[list[int]]:
    """`[[], [0], [0]]` -> `[[1, 2], [], []]`: for every operation those that wait for it."""
    after: list[list[int]] = [[] for _ in before]
    for number, others in enumerate(before):
        for other in others:
            after[other].append(number)
    return after
