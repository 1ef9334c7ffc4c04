"""Hostlists, as Slurm writes them: `server-[0-3,7],login`.

Written ones have a bracket at the end of a name only, which is all that topology.conf takes; in those that are read it
may stand anywhere, several times, and numbers may be padded: `rack[1-2]-node[08-11]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product

from ..errors import Fault, InputError

_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]*)")
_ITEM = re.compile(r"(?:[A-Za-z0-9_.-]|\[[0-9,-]*\])+")
_SPAN = re.compile(r"([0-9]+)(?:-([0-9]+))?")
_MOST = 1 << 22
"""More names than any cluster has nodes."""


def hostlist(names: Iterable[str]) -> str:
    """Names in order, those that differ in their last number only in brackets."""
    numbers: dict[str, list[int]] = {}
    plain = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            plain.append(name)
        else:
            numbers.setdefault(match[1], []).append(int(match[2]))
    return ",".join([*(_bracketed(prefix, sorted(own)) for prefix, own in numbers.items()), *plain])


def _bracketed(prefix: str, numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"{prefix}{numbers[0]}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    spans = (f"{first}-{last}" if last > first else f"{first}" for first, last in runs)
    return f"{prefix}[{','.join(spans)}]"


def expand(text: str) -> tuple[str, ...]:
    """The names of a hostlist, in its order. Raises InputError."""
    names: list[str] = []
    at = 0
    while at < len(text):
        item = _ITEM.match(text, at)
        end = item.end() if item else at
        if item is None or text[end : end + 1] not in ("", ",") or end == len(text) - 1:
            raise _broken(text, f"cannot be read at character {end + 1}")
        names += _names(text, item[0], _MOST - len(names))
        at = end + 1
    return tuple(names)


def _names(text: str, item: str, most: int) -> Iterator[str]:
    parts = [_numbers(text, part) if part.startswith("[") else (part,) for part in re.split(r"(\[.*?\])", item) if part]
    size = 1
    for part in parts:
        size *= len(part)
    if size > most:
        raise _broken(text, f"names over {_MOST} nodes")
    return ("".join(name) for name in product(*parts))


def _numbers(text: str, bracket: str) -> tuple[str, ...]:
    """`[08-11]` as 08, 09, 10, 11."""
    found: list[str] = []
    for span in bracket[1:-1].split(","):
        ends = _SPAN.fullmatch(span)
        if ends is None:
            raise _broken(text, f"{bracket} is no list of numbers")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if last < first:
            raise _broken(text, f"{span} runs backwards")
        if last - first + len(found) >= _MOST:
            raise _broken(text, f"names over {_MOST} nodes")
        found += [f"{number:0{len(ends[1])}}" for number in range(first, last + 1)]
    return tuple(found)


def _broken(text: str, message: str) -> InputError:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return InputError(Fault(f"hostlist {shown!r}: {message}", "write it like server-[0-3,7],server-9"))
