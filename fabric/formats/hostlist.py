"""Hostlists, as Slurm writes them: `server-[0-3,7]`. A bracket stands at the end of a name only, as Slurm demands."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.*?)(0|[1-9][0-9]*)")


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
