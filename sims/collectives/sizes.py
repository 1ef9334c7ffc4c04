"""Sizes as nccl-tests counts and steps them."""

from __future__ import annotations

import numpy as np

from ...fabric.errors import WorkloadError
from ...fabric.units import size_bytes
from .demand import EXPERT_OPS

_ALIGNMENT_BYTES = 16


def sizes(text: str | int) -> tuple[int, ...]:
    """`"1GiB"`, a number of bytes, or `"8B:16GiB"`, in steps of a factor 2. Raises UnitError, WorkloadError."""
    if not isinstance(text, int | np.integer | str) or isinstance(text, bool):
        raise WorkloadError(f"{text!r} is no size", "give bytes as a whole number, or text like 1GiB or 8B:16GiB")
    ends = [size_bytes(part) for part in text.split(":")] if isinstance(text, str) else [int(text)]
    if len(ends) > 2 or min(ends) <= 0 or ends[0] > ends[-1]:
        raise WorkloadError(f"{text!r} is no range of sizes above 0", "write it like 1GiB or 8B:16GiB")
    first, last = ends[0], ends[-1]
    return tuple(first << step for step in range((last // first).bit_length()))


def rounded(op: str, size: int, ranks: int) -> int:
    """The size nccl-tests runs for this one: divided operations take whole 16-byte pieces per rank; a barrier moves
    nothing."""
    if op == "barrier":
        return 0
    if op in ("reduce-scatter", "all-gather", "all-to-all", "all-to-all-v", "gather", "scatter"):
        return size // (ranks * _ALIGNMENT_BYTES) * ranks * _ALIGNMENT_BYTES
    return size


def bus_factor(op: str, ranks: int) -> float:
    """Bus bandwidth per algorithm bandwidth (nccl-tests, doc/PERFORMANCE.md and the operations' sources); 1 for those
    that nccl-tests does not have."""
    if op in ("send-recv", "broadcast", "reduce", *EXPERT_OPS):
        return 1.0
    return (2 if op == "all-reduce" else 1) * (ranks - 1) / ranks
